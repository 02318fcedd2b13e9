"""The service that opens the database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.database import DATABASE, Database, DatabaseSettings
from botstate.foundation import CLOCK, RANDOMNESS
from botstate.service import Provider, Service
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from botstate.state import AppState


@asynccontextmanager
async def _open_database(state: AppState) -> AsyncIterator[Database]:
    from botstate.sqlite import open_sqlite  # SQLAlchemy takes a quarter of a second that only its users need

    settings = state.settings.part(DatabaseSettings)
    async with open_sqlite(settings, state.require(CLOCK), state.require(RANDOMNESS)) as database:
        yield database


async def _check(state: AppState) -> None:
    from sqlalchemy import text

    async def ping(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))

    await state.database.read(ping)


#: Provides the database to the services that require it.
database_service: Service = Service(
    name="database",
    summary="Keeps what must not be lost.",
    provides=(Provider(DATABASE, _open_database),),
    requires=(SETTINGS, CLOCK, RANDOMNESS),
    settings=DatabaseSettings,
    check=_check,
)

"""The service that opens the database."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from botstate.composition import SERVICES
from botstate.database import DATABASE, Database, DatabaseSettings
from botstate.folder import DATA_FOLDER, DataFolder
from botstate.foundation import CLOCK, RANDOMNESS
from botstate.migrations import MigrationError, Migrations, status, upgrade
from botstate.secrets import SECRETS, Secrets, resolve
from botstate.service import Provider, Service
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncSession

    from botlib import Clock, Randomness
    from botstate.state import AppState

_log = logging.getLogger(__name__)


async def locate_database(settings: DatabaseSettings, folder: DataFolder, secrets: Secrets) -> DatabaseSettings:
    """The same settings with the URL itself in the place of a reference to it, and with the absolute path of the file.

    For whoever works on the database without a server: `await upgrade(await locate_database(…), services)`.
    """
    if settings.url:
        return replace(settings, url=await resolve(settings.url, secrets))
    if folder.path in folder.place(settings.file).parents:
        folder.make()
    return replace(settings, file=folder.place(settings.file))


def open_database(
    settings: DatabaseSettings, clock: Clock, randomness: Randomness
) -> AbstractAsyncContextManager[Database]:
    """The database of these settings, whose URL and file are the final ones. Its tables are left as they are."""
    # SQLAlchemy takes a quarter of a second that only its users need.
    if settings.url:
        from botstate.postgres import open_postgres

        return open_postgres(settings, clock, randomness)
    from botstate.sqlite import open_sqlite

    return open_sqlite(settings, clock, randomness)


@asynccontextmanager
async def _open_database(state: AppState) -> AsyncIterator[Database]:
    settings = await locate_database(
        state.settings.part(DatabaseSettings), state.require(DATA_FOLDER), state.require(SECRETS)
    )
    await _bring_up_to_date(settings, state.require(SERVICES), state.require(CLOCK))
    async with open_database(settings, state.require(CLOCK), state.require(RANDOMNESS)) as database:
        yield database


async def _bring_up_to_date(settings: DatabaseSettings, services: tuple[Service, ...], clock: Clock) -> None:
    if settings.upgrade:
        await upgrade(settings, services, clock=clock)
        return
    wrong = [it.sentence for it in await status(settings, services) if it.state in {"behind", "newer"}]
    if wrong:
        raise MigrationError("\n".join(wrong))


async def _check(state: AppState) -> None:
    from sqlalchemy import text

    async def ping(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))

    await state.database.read(ping)


#: Provides the database to the services that require it.
database_service: Service = Service(
    name="database",
    summary="Keeps what must not be lost.",
    # As long as an upgrade may have to wait for that of another process.
    provides=(Provider(DATABASE, _open_database, time_limit=330.0),),
    requires=(SETTINGS, SECRETS, DATA_FOLDER, CLOCK, RANDOMNESS),
    settings=DatabaseSettings,
    migrations=Migrations("botstate"),
    check=_check,
)

"""What the tests of botserver-workflows share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from botlib import FakeClock, FakeRandomness, IdSource, Secret
from botserver_workflows.tables import metadata
from botserver_workflows.unit import Store
from botstate import Database, DatabaseSettings
from botstate.postgres import open_postgres
from botstate.sqlite import open_sqlite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_stack.blocking import BlockingStack
    from botserver_workflows.unit import Unit

TEMPLATE = "workflows_template"


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def stack_services() -> tuple[str, ...]:
    """The servers that botserver_stack starts for these tests."""
    return ("postgres",)


@pytest.fixture(scope="session")
def postgres_template(stack: BlockingStack) -> str:
    """A database that has the tables; each test gets a copy of it."""
    url = stack.run(stack.stack.create_database(TEMPLATE, "template1"))
    asyncio.run(_make_tables(DatabaseSettings(url=Secret(url))))
    return TEMPLATE


@pytest.fixture(params=["sqlite", "postgres"])
def database_settings(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    """A database of each kind, with nothing of another test in it."""
    if request.param == "sqlite":
        return DatabaseSettings(tmp_path / "workflows.sqlite3")
    return DatabaseSettings(url=Secret(request.getfixturevalue("postgres_url")))


@pytest.fixture
async def store(database_settings: DatabaseSettings, clock: FakeClock) -> AsyncIterator[Store]:
    """Empty tables, in which the time is that of the test."""
    randomness = FakeRandomness()
    async with open_database(database_settings, clock) as database:
        store = StoreOfFakeTime(database, clock, IdSource(clock, randomness))
        if not database_settings.url.reveal():
            await store.write("test", _create)
        yield store


class StoreOfFakeTime(Store):
    """The time of the test on a database that has a clock of its own."""

    async def _now(self, _session: AsyncSession) -> datetime:
        return self._clock.now()


def open_database(settings: DatabaseSettings, clock: FakeClock) -> AbstractAsyncContextManager[Database]:
    """The database behind these settings."""
    opening = open_postgres if settings.url.reveal() else open_sqlite
    return opening(settings, clock, FakeRandomness())


async def _make_tables(settings: DatabaseSettings) -> None:
    clock = FakeClock()
    async with open_database(settings, clock) as database:
        await Store(database, clock, IdSource(clock, FakeRandomness())).write("test", _create)


async def _create(unit: Unit) -> None:
    connection = await unit.session.connection()
    await connection.run_sync(metadata.create_all)

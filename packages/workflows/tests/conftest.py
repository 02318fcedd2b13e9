"""What the tests of botserver-workflows share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botlib import FakeClock, FakeRandomness, IdSource
from botserver_workflows.tables import metadata
from botserver_workflows.unit import Store
from botstate import DatabaseSettings
from botstate.sqlite import open_sqlite


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """Empty tables."""
    randomness = FakeRandomness()
    async with open_sqlite(DatabaseSettings(tmp_path / "workflows.sqlite3"), clock, randomness) as database:
        store = Store(database, clock, IdSource(clock, randomness))

        async def create(unit: object) -> None:
            connection = await unit.session.connection()  # type: ignore[attr-defined]
            await connection.run_sync(metadata.create_all)

        await store.write("test", create)
        yield store

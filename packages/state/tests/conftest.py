"""What the tests of botstate share."""

from pathlib import Path

import pytest

from botlib import Secret
from botstate import DatabaseSettings


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def fresh_postgres(postgres_url: str) -> DatabaseSettings:
    """An empty database of a PostgreSQL server; dropped after the test."""
    return DatabaseSettings(url=Secret(postgres_url))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return DatabaseSettings(tmp_path / "empty.sqlite3")
    settings: DatabaseSettings = request.getfixturevalue("fresh_postgres")
    return settings

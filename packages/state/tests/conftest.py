"""What the tests of botstate share."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from botlib import Secret
from botstate import DatabaseSettings


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url() -> str:
    if "TEST_POSTGRES_URL" not in os.environ:
        pytest.skip("needs PostgreSQL: set TEST_POSTGRES_URL to its URL")
    return os.environ["TEST_POSTGRES_URL"]


@pytest.fixture
def fresh_postgres(postgres_url: str) -> Iterator[DatabaseSettings]:
    """An empty database of a PostgreSQL server, dropped at the end."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield DatabaseSettings(url=Secret(f"{postgres_url.rpartition('/')[0]}/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return DatabaseSettings(tmp_path / "empty.sqlite3")
    settings: DatabaseSettings = request.getfixturevalue("fresh_postgres")
    return settings

"""What the tests of botserver-client share: the real service, on a port of this machine."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botserver_client import OrchestrationClient, WorkerClient
from botserver_core.testing.running import running
from botserver_workflows import service
from botserver_workflows.settings import WorkflowsSettings
from botstate import DatabaseSettings, DataSettings, Settings, database_service, foundation


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@contextmanager
def serving(folder: Path, *, workers: int = 16) -> Iterator[str]:
    """The address of a service with a database of its own."""
    parts = {
        "data": DataSettings(folder),
        "database": DatabaseSettings(),
        "workflows": WorkflowsSettings(environment="test", workers=workers),
    }
    with running((foundation(Settings(parts)), database_service, service)) as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that works. Tests share it, and look at tasks of their own only."""
    with serving(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def idle_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service without workers: its tasks stay as they are."""
    with serving(tmp_path_factory.mktemp("idle"), workers=0) as url:
        yield url


@pytest.fixture
async def client(server: str) -> AsyncIterator[OrchestrationClient]:
    async with OrchestrationClient(server) as client:
        yield client


@pytest.fixture
async def workers(server: str) -> AsyncIterator[WorkerClient]:
    async with WorkerClient(server) as client:
        yield client

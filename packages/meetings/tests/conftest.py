"""What the tests of botserver-meetings share: a server of real parts, but for its bots and its clock."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from botlib import FakeClock
from botserver_core import create_app
from botserver_meetings.context import MEETINGS
from botserver_meetings.testing import FakeRunner, World, create_services
from botstate import compose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session")
def open_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractAsyncContextManager[World]]:
    """Opens a world with these settings of meetings."""

    @asynccontextmanager
    async def open_one(**chosen: Any) -> AsyncIterator[World]:
        clock, runner, folder = FakeClock(), FakeRunner(), tmp_path_factory.mktemp("world")
        services = create_services(folder, clock, runner, **chosen)
        async with compose(services) as state:
            transport = httpx2.ASGITransport(create_app(state, services))
            async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
                yield World(state.require(MEETINGS), client, clock, runner)

    return open_one


@pytest.fixture(scope="module")
async def world(open_world: Callable[..., AbstractAsyncContextManager[World]]) -> AsyncIterator[World]:
    """A world with the settings that everybody has, for all tests of a module: each makes users of its own."""
    async with open_world() as opened:
        yield opened


@pytest.fixture(scope="session")
def rounds() -> Callable[[int, int], int]:
    """How often a test of faults goes round: `rounds(few, many)`. `MEETINGS_FAULTS=full` takes the many."""
    full = os.environ.get("MEETINGS_FAULTS") == "full"
    return lambda few, many: many if full else few

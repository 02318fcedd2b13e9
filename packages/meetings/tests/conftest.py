"""What the tests of botserver-meetings share: a server of real parts, but for its bots and its clock."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from botlib import FakeClock
from botserver_core import create_app
from botserver_meetings import service as manifest
from botserver_meetings.context import MEETINGS, Context
from botserver_meetings.runner import BOT_RUNNER
from botserver_meetings.service import create_context
from botserver_meetings.settings import MeetingsSettings
from botserver_meetings.testing import FakeRunner, World
from botserver_meetings.wire import NoWire
from botstate import DatabaseSettings, Provider, Settings, compose, database_service, foundation, given
from botstate.testing import FakeSecrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from botstate import AppState


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session")
def open_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractAsyncContextManager[World]]:
    """Opens a world with these settings of meetings."""

    @asynccontextmanager
    async def open_one(*, admin: str = "the admin token", **chosen: Any) -> AsyncIterator[World]:
        clock, runner, folder = FakeClock(), FakeRunner(), tmp_path_factory.mktemp("world")
        settings = MeetingsSettings(run_folder=folder / "run", **chosen)
        parts = {"meetings": settings, "database": DatabaseSettings(file=folder / "test.sqlite3")}
        secrets = FakeSecrets({"env:ADMIN_API_TOKEN": admin} if admin else {})

        @asynccontextmanager
        async def open_context(state: AppState) -> AsyncIterator[Context]:
            yield create_context(state, NoWire())

        meetings = replace(manifest, provides=(given(BOT_RUNNER, runner), Provider(MEETINGS, open_context)))
        services = (foundation(Settings(parts), clock=clock, secrets=secrets), database_service, meetings)
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

"""The WebSocket, over a real socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from botlib import FakeClock
from botserver_core.testing import running
from botserver_meetings.testing import FakeRunner, World, create_services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from websockets.asyncio.client import ClientConnection

pytestmark = pytest.mark.anyio

DAILY = {"platform": "google_meet", "native_id": "daily"}
SUBSCRIBE = {"action": "subscribe", "meetings": [DAILY]}
PIECE = {"start": 0, "end": 1, "text": "Good morning."}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FakeRunner]]:
    """The address of a server, and its runner."""
    runner = FakeRunner()
    with running(create_services(tmp_path_factory.mktemp("live"), FakeClock(), runner)) as url:
        yield url, runner


@pytest.fixture(scope="module")
async def world(served: tuple[str, FakeRunner]) -> AsyncIterator[World]:
    """Its world, as far as it can be seen from outside."""
    url, runner = served
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        yield World(None, client, FakeClock(), runner)  # type: ignore[arg-type]  # its loop is another one


@asynccontextmanager
async def live(world: World, user: int) -> AsyncIterator[ClientConnection]:
    url = str(world.client.base_url).replace("http", "ws").rstrip("/") + "/ws"
    async with connect(url, additional_headers=world.keys[user], proxy=None) as socket:
        yield socket


async def tell(socket: ClientConnection, message: Any) -> None:
    await socket.send(message if isinstance(message, str) else json.dumps(message))


async def hear(socket: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await socket.recv())


async def test_it_tells_what_happens_while_it_happens(world: World) -> None:
    anna = await world.user()
    bot = await world.bot(anna)
    async with live(world, anna) as socket:
        await tell(socket, SUBSCRIBE)
        assert await hear(socket) == {"type": "subscribed", "meetings": [DAILY]}
        now = await hear(socket)
        assert (now["type"], now["meeting"], now["payload"]) == ("meeting.status", DAILY, {"status": "reserved"})
        await bot.join()
        assert [(await hear(socket))["payload"]["status"] for _ in range(2)] == ["starting", "active"]
        await bot.hear([{**PIECE, "completed": False}, {**PIECE, "start": 5, "end": 6}])
        pieces = [await hear(socket) for _ in range(2)]
        assert [it["type"] for it in pieces] == ["transcript.finalized", "transcript.mutable"][::-1]
        assert [it["payload"]["segments"][0]["start"] for it in pieces] == [0.0, 5.0]

        await tell(socket, {"action": "unsubscribe", "meetings": [DAILY]})
        assert await hear(socket) == {"type": "unsubscribed", "meetings": [DAILY]}
        await bot.say("status", "PATCH", status="stopping")
        await tell(socket, {"action": "ping"})
        assert await hear(socket) == {"type": "pong"}


async def test_nobody_hears_of_the_meetings_of_another(world: World) -> None:
    anna, eve = await world.user(), await world.user()
    bot = await world.bot(anna)
    async with live(world, eve) as socket:
        await tell(socket, SUBSCRIBE)
        await hear(socket)
        await bot.join()
        await tell(socket, {"action": "ping"})
        assert await hear(socket) == {"type": "pong"}


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_json"),
        ({"action": "sing"}, "unknown_action"),
        ({"action": "subscribe"}, "invalid_subscribe_payload"),
        ({"action": "subscribe", "meetings": [{"platform": "webex", "native_id": "x"}]}, "invalid_subscribe_payload"),
        ({"action": "subscribe", "meetings": [{"platform": "zoom", "native_id": 5}]}, "invalid_subscribe_payload"),
        ({"action": "subscribe", "meetings": [DAILY] * 101}, "invalid_subscribe_payload"),
        ({"action": "unsubscribe", "meetings": "daily"}, "invalid_unsubscribe_payload"),
    ],
)
async def test_what_cannot_be_understood_is_said(world: World, sent: Any, error: str) -> None:
    anna = await world.user()
    async with live(world, anna) as socket:
        await tell(socket, sent)
        assert await hear(socket) == {"type": "error", "error": error}
        await tell(socket, {"action": "ping"})
        assert await hear(socket) == {"type": "pong"}


@pytest.mark.parametrize(("key", "error"), [({}, "missing_api_key"), ({"X-API-Key": "x" * 40}, "invalid_api_key")])
async def test_strangers_are_sent_away(world: World, key: dict[str, str], error: str) -> None:
    world.keys[0] = key
    async with live(world, 0) as socket:
        assert await hear(socket) == {"type": "error", "error": error}
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401

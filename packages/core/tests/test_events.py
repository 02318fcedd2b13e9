import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from fastapi import APIRouter, Request, Response

from botlib import FakeClock
from botserver_core import Event, Feed, create_app, stream_events
from botserver_core.stopping import Switch
from botstate import AppState, Service
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio


async def take(events: AsyncIterator[Event], count: int) -> list[tuple[str, object, str]]:
    found = [await asyncio.wait_for(anext(events), 5) for _ in range(count)]
    return [(it.name, it.data, it.id) for it in found]


async def test_a_watcher_gets_what_comes_and_one_that_comes_back_what_it_missed() -> None:
    feed = Feed("life")
    feed.tell("note", 1)
    watching = feed.watch()
    feed.tell("note", 2)

    assert await take(watching, 1) == [("note", 2, "life.2")]
    assert await take(feed.watch("life.1"), 1) == [("note", 2, "life.2")]
    assert await take(feed.watch("life.0"), 2) == [("note", 1, "life.1"), ("note", 2, "life.2")]
    assert feed.last_id == "life.2"


@pytest.mark.parametrize("last_id", ["other.1", "life.9", "life.x", "life.-1", "nonsense", "life.²"])
async def test_an_id_that_is_not_known_is_told_as_missed(last_id: str) -> None:
    feed = Feed("life")
    feed.tell("note", 1)
    watching = feed.watch(last_id)

    assert await take(watching, 1) == [("missed", None, "life.1")]
    feed.tell("note", 2)
    assert await take(watching, 1) == [("note", 2, "life.2")]


async def test_who_is_too_slow_misses_events_and_learns_it() -> None:
    feed = Feed("life", size=2)
    watching = feed.watch("life.0")
    for number in range(1, 6):
        feed.tell("note", number)

    assert await take(watching, 3) == [("missed", None, "life.3"), ("note", 4, "life.4"), ("note", 5, "life.5")]


def test_an_event_is_lines_and_its_name_is_one() -> None:
    assert (
        Event("note", {"text": "two\nlines"}, "1").encode() == b'event: note\ndata: {"text":"two\\nlines"}\nid: 1\n\n'
    )
    for event in (Event("a\nb"), Event("a", id="1\r2"), Event("a", id="1\0")):
        with pytest.raises(ValueError, match="one line each"):
            event.encode()


class Watcher:
    """A connection to a stream, without a server: what comes is in `lines`, and the test says when it leaves."""

    def __init__(self, watch: AsyncIterator[Event], *, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.clock, self.switch = FakeClock(), Switch()
        self.asked: list[str] = []
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.leaves = asyncio.Event()

        def begin(last_id: str) -> AsyncIterator[Event]:
            self.asked.append(last_id)
            return watch

        def create_router(_state: AppState) -> APIRouter:
            router = APIRouter()

            @router.get("/feed")
            async def events(request: Request) -> Response:
                return stream_events(request, begin)

            return router

        service = Service(name="feed", create_router=create_router, paths=("/feed",))
        self._app = create_app(fake_state(clock=self.clock), [service], switch=self.switch)
        scope = {"type": "http", "method": "GET", "path": "/feed", "raw_path": b"/feed", "root_path": "",
                 "query_string": b"", "headers": [(b"host", b"server"), *headers], "http_version": "1.1",
                 "asgi": {"spec_version": "2.3"}}  # fmt: skip
        self.task = asyncio.ensure_future(self._app(scope, self._receive, self._send))

    async def line(self) -> bytes:
        return await asyncio.wait_for(self.lines.get(), 5)

    async def _receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        body = message.get("body")
        if isinstance(body, bytes) and body:
            self.lines.put_nowait(body)


@pytest.fixture
def closed() -> list[str]:
    return []


async def endless(closed: list[str]) -> AsyncIterator[Event]:
    try:
        yield Event("first")
        await asyncio.Event().wait()
    finally:
        closed.append("closed")


async def test_a_stream_ends_when_the_server_stops(closed: list[str]) -> None:
    watcher = Watcher(endless(closed), headers=((b"last-event-id", b"life.7"),))
    assert [await watcher.line(), await watcher.line()] == [b": alive\n\n", b"event: first\ndata: null\n\n"]

    watcher.switch.stop()

    await asyncio.wait_for(watcher.task, 5)
    assert (await watcher.line(), closed, watcher.asked) == (b"retry: 1000\n\n", ["closed"], ["life.7"])


async def test_a_stream_ends_when_the_watcher_leaves(closed: list[str]) -> None:
    watcher = Watcher(endless(closed))
    assert [await watcher.line(), await watcher.line()] == [b": alive\n\n", b"event: first\ndata: null\n\n"]

    watcher.leaves.set()

    await asyncio.wait_for(watcher.task, 5)
    assert closed == ["closed"]


async def test_a_silent_stream_gives_signs_of_life(closed: list[str]) -> None:
    watcher = Watcher(endless(closed))
    await watcher.line()
    await watcher.line()

    await watcher.clock.advance(31)

    assert [await watcher.line(), await watcher.line()] == [b": alive\n\n", b": alive\n\n"]
    watcher.switch.stop()
    await asyncio.wait_for(watcher.task, 5)


async def test_a_stream_ends_when_there_is_no_more() -> None:
    async def two() -> AsyncIterator[Event]:
        yield Event("one")
        yield Event("two")

    watcher = Watcher(two())

    await asyncio.wait_for(watcher.task, 5)
    assert [watcher.lines.get_nowait() for _ in range(3)] == [
        b": alive\n\n",
        b"event: one\ndata: null\n\n",
        b"event: two\ndata: null\n\n",
    ]

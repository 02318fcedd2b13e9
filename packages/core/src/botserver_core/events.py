"""Server-sent events: what happens on the server, told to pages that watch."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import StreamingResponse

from botserver_core.sharing import shared_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import HTTPConnection

    from botserver_core.sharing import Shared

#: Seconds between two signs of life on a silent stream, so that nobody in between takes it for dead.
SIGN_OF_LIFE = 15.0

#: The name of the event that tells a watcher that it missed some: it asks for the whole state then.
MISSED = "missed"

_RETRY_AFTER_STOP = b"retry: 1000\n\n"
_ALIVE = b": alive\n\n"


class Event(NamedTuple):
    """One event. `id` is what a watcher that was cut off comes back with; `data` becomes JSON."""

    name: str
    data: object = None
    id: str = ""

    def encode(self) -> bytes:
        """The event as the specification of server-sent events writes it."""
        lines = [f"event: {_one_line(self.name)}", f"data: {json.dumps(self.data, separators=(',', ':'))}"]
        if self.id:
            lines.append(f"id: {_one_line(self.id)}")
        return ("\n".join(lines) + "\n\n").encode()


class Feed:
    """Events for any number of watchers of one process. It keeps the last `size` of them, and nothing per watcher.

    A watcher that comes back with the id of its last event gets what came since; one that is too slow or comes back too
    late gets `MISSED` and then what is left. `name` tells two lives of a server apart, best by `state.require(IDS)`.
    """

    def __init__(self, name: str, size: int = 256) -> None:
        self._name = name
        self._events: deque[Event] = deque(maxlen=size)
        self._told = 0
        self._news = asyncio.Event()

    @property
    def last_id(self) -> str:
        """The id of the newest event. A page that shows the state gives it to its script, which watches from there."""
        return f"{self._name}.{self._told}"

    def tell(self, name: str, data: object = None) -> str:
        """Tell all watchers; the answer is the id of the event. Never waits."""
        self._told += 1
        self._events.append(Event(name, data, self.last_id))
        self._news.set()
        self._news = asyncio.Event()
        return self.last_id

    def watch(self, last_id: str = "") -> AsyncIterator[Event]:
        """Every event after that one, for ever; with "" from now on."""
        return self._watch(last_id, self._told)

    async def _watch(self, last_id: str, seen: int) -> AsyncIterator[Event]:
        if last_id:
            life, _, number = last_id.rpartition(".")
            if life == self._name and number.isascii() and number.isdigit() and int(number) <= self._told:
                seen = int(number)
            else:
                yield Event(MISSED, id=f"{self._name}.{seen}")
        while True:
            news = self._news
            oldest = self._told - len(self._events)
            if seen < oldest:
                seen = oldest
                yield Event(MISSED, id=f"{self._name}.{seen}")
            elif seen < self._told:
                event = self._events[seen - oldest]
                seen += 1
                yield event
            else:
                await news.wait()


def stream_events(connection: HTTPConnection, watch: Callable[[str], AsyncIterator[Event]]) -> StreamingResponse:
    """The answer to a page that watches: `stream_events(request, feed.watch)`.

    `watch` gets the id of the last event that this watcher has seen, or "". Nothing is read ahead of the connection.
    The stream ends when the server stops, when the watcher leaves, or when `watch` ends.
    """
    last_id = connection.headers.get("last-event-id", "") or connection.query_params.get("last-event-id", "")
    return StreamingResponse(
        _encode(watch(last_id), shared_of(connection)),
        media_type="text/event-stream",
        # no-transform and the last one keep proxies from collecting events before they pass them on
        headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"},
    )


async def _encode(events: AsyncIterator[Event], shared: Shared) -> AsyncIterator[bytes]:
    yield _ALIVE  # the headers go out now, and the page knows that it is connected
    stop = asyncio.ensure_future(shared.switch.wait())
    following: asyncio.Future[Event | None] = _next_of(events)
    try:
        while True:
            life = asyncio.ensure_future(shared.clock.sleep(SIGN_OF_LIFE))
            try:
                await asyncio.wait((stop, following, life), return_when=asyncio.FIRST_COMPLETED)
            finally:
                life.cancel()
            if stop.done():
                yield _RETRY_AFTER_STOP
                return
            if not following.done():
                yield _ALIVE
                continue
            event = following.result()
            if event is None:
                return
            yield event.encode()
            following = _next_of(events)
    finally:
        stop.cancel()
        await _end(following, events)


def _next_of(events: AsyncIterator[Event]) -> asyncio.Future[Event | None]:
    async def take() -> Event | None:
        return await anext(events, None)

    return asyncio.ensure_future(take())


async def _end(following: asyncio.Future[Event | None], events: AsyncIterator[Event]) -> None:
    following.cancel()
    await asyncio.wait((following,))
    if not following.cancelled():
        following.exception()  # told already, or of no interest to somebody who has left
    close = getattr(events, "aclose", None)  # generators have it: what they hold open is closed now
    if close is not None:
        await close()


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("The name and the id of an event are one line each.")
    return text

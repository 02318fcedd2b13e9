"""Bots of other makers know Redis: commands are published there, and what they hear is read from a stream.

Nothing that counts is kept there. Redis may be flushed, be down or come late: then commands are found in the table by
the bots that ask for them, and only what a bot had appended and nobody had read is lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from botlib import BotError
from botserver_meetings.credentials import Credentials
from botserver_meetings.segments import MOST_AT_ONCE, read_segments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from botlib import Clock, Secret
    from botserver_meetings.segments import Segment

    #: Keeps what a bot has heard; see `transcripts.take_segments`.
    Take = Callable[[Credentials, Sequence[Segment]], Awaitable[object]]

STREAM = "transcription_segments"
GROUP = "collector_group"
_CONSUMER = "botserver"
_FIELD = b"payload"
_QUEUE = 1_000
_TIMEOUT = 2.0  # seconds
_BLOCK = 5_000  # milliseconds
_PAUSE = 0.5
_LOST = (RedisError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


class RedisWire:
    """A `Wire`. Publishing never waits for the server: messages stand in a queue, and the oldest give way."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_QUEUE)

    async def publish(self, channel: str, message: bytes) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait((channel, message))

    async def send(self) -> None:
        """Publish what stands in the queue, until cancelled."""
        while True:
            channel, message = await self._queue.get()
            try:
                await self._client.publish(channel, message)
            except _LOST as error:
                _log.warning("a message on %s was lost: %s", channel, type(error).__name__)
                await self._clock.sleep(_PAUSE)

    async def collect(self, take: Take) -> None:
        """Read what bots have heard, until cancelled. An entry is acknowledged when it is kept, or cannot be."""
        position = "0"  # first what an earlier life of this server had been given and did not finish
        while True:
            try:
                await self._create_group()
                position = await self._read(position, take)
            except _LOST as error:
                _log.warning("the stream of transcripts cannot be read: %s", type(error).__name__)
                position = "0"
                await self._clock.sleep(_PAUSE)

    async def _create_group(self) -> None:
        try:
            await self._client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _read(self, position: str, take: Take) -> str:
        found: Any = await self._client.xreadgroup(GROUP, _CONSUMER, {STREAM: position}, count=100, block=_BLOCK)
        entries = found[0][1] if found else []
        for number, fields in entries:
            if not await _keep((fields or {}).get(_FIELD), take):
                await self._clock.sleep(_PAUSE)
                return "0"
            await self._client.xack(STREAM, GROUP, number)
        return position if entries and position == "0" else ">"


@asynccontextmanager
async def open_redis_wire(url: Secret, clock: Clock, take: Take) -> AsyncIterator[RedisWire]:
    """The wire to the server at this address, which need not be there yet."""
    client = Redis.from_url(
        url.reveal(),
        socket_connect_timeout=_TIMEOUT,
        socket_timeout=_TIMEOUT + _BLOCK / 1000,
        health_check_interval=30,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),  # Valkey does not know them
    )
    wire = RedisWire(client, clock)
    tasks = [
        asyncio.create_task(wire.send(), name="messages to bots"),
        asyncio.create_task(wire.collect(take), name="transcripts from bots"),
    ]
    try:
        yield wire
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.aclose()


def read_payload(payload: bytes) -> tuple[Credentials, list[Segment]] | None:
    """Who speaks, and what was heard; None for what is no transcript, such as the start and the end of a session."""
    try:
        value = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("type") != "transcription":
        return None
    uid, token, segments = value.get("uid"), value.get("token"), value.get("segments")
    if not isinstance(uid, str) or not isinstance(token, str) or not isinstance(segments, list):
        return None
    return Credentials(uid, token), read_segments(segments[:MOST_AT_ONCE])


async def _keep(payload: bytes | None, take: Take) -> bool:
    """Whether this entry is dealt with. False when the database is not there now: then it is read again."""
    found = read_payload(payload or b"")
    if found is None:
        return True
    try:
        await take(*found)
    except BotError as error:
        _log.warning("an entry of the stream of transcripts was not kept: %s", error)
        return error.code != "unavailable"
    return True

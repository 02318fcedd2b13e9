"""Messages to bots and streams from them, on a real Valkey."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from botlib import Secret, SystemClock, UnavailableError
from botserver_meetings.credentials import Credentials
from botserver_meetings.rediswire import GROUP, STREAM, RedisWire, open_redis_wire, read_payload
from botserver_meetings.segments import Segment
from botserver_meetings.testing import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

pytestmark = pytest.mark.anyio

HEARD = {"start": 1, "end": 2, "text": "hello there"}
PAYLOAD = json.dumps({"type": "transcription", "uid": "c-1", "token": "t-1", "segments": [HEARD]}).encode()
KEPT = (Credentials("c-1", "t-1"), [Segment(1.0, 2.0, "hello there")])


class Taker:
    """Keeps what arrives; `failures` times the database is not there."""

    def __init__(self, failures: int = 0) -> None:
        self.kept: list[Any] = []
        self.failures = failures

    async def __call__(self, credentials: Credentials, heard: Sequence[Segment]) -> None:
        if self.failures:
            self.failures -= 1
            raise UnavailableError("The database is not there.")
        self.kept.append((credentials, list(heard)))


@asynccontextmanager
async def opened(redis_url: str, taker: Taker) -> AsyncIterator[tuple[RedisWire, Redis]]:
    async with open_redis_wire(Secret(redis_url), SystemClock(), taker) as wire, Redis.from_url(redis_url) as client:
        yield wire, client


async def test_a_message_reaches_who_listens_on_redis(redis_url: str) -> None:
    async with opened(redis_url, Taker()) as (wire, client), client.pubsub(ignore_subscribe_messages=True) as bot:
        await bot.subscribe("bot_commands:c-1")
        await bot.get_message(timeout=5)

        await wire.publish("bot_commands:c-1", b'{"action": "leave"}')

        message = await bot.get_message(timeout=5)
        assert message is not None
        assert message["data"] == b'{"action": "leave"}'


async def test_what_a_bot_appends_is_kept_once_and_acknowledged(redis_url: str) -> None:
    taker = Taker(failures=2)
    async with opened(redis_url, taker) as (_, client):
        for payload in (b"nonsense", b"[]", b'{"type": "session_start"}', PAYLOAD):
            await client.xadd(STREAM, {"payload": payload})
        await client.xadd(STREAM, {"other": b""})
        await wait_until(lambda: bool(taker.kept), "the entry was not read")
        await client.xadd(STREAM, {"payload": PAYLOAD})
        await wait_until(lambda: len(taker.kept) == 2, "the next entry was not read")
        await client.xadd(STREAM, {"payload": PAYLOAD})
        await wait_until(lambda: len(taker.kept) == 3, "the last entry was not read")
        assert (await client.xpending(STREAM, GROUP))["pending"] <= 1  # the last one may be on its way
    assert taker.kept == [KEPT, KEPT, KEPT]


async def test_nobody_waits_for_a_redis_that_is_not_there() -> None:
    taker = Taker()
    async with opened("redis://127.0.0.1:1/0", taker) as (wire, _):
        async with asyncio.timeout(1):
            for number in range(3_000):
                await wire.publish("bot_commands:c-1", b"%d" % number)
    assert taker.kept == []


async def test_a_flushed_redis_is_read_again(redis_url: str) -> None:
    taker = Taker()
    async with opened(redis_url, taker) as (_, client):
        await client.xadd(STREAM, {"payload": PAYLOAD})
        await wait_until(lambda: len(taker.kept) == 1, "the first entry was not read")
        await client.delete(STREAM)
        await client.xadd(STREAM, {"payload": PAYLOAD})
        await wait_until(lambda: len(taker.kept) == 2, "the entry after the flush was not read")


@pytest.mark.parametrize("change", [{"type": "x"}, {"uid": 1}, {"token": None}, {"segments": {}}])
def test_what_is_no_transcript_is_none(change: dict[str, Any]) -> None:
    assert read_payload(json.dumps({**json.loads(PAYLOAD), **change}).encode()) is None

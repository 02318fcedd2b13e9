"""The three on a real Valkey do what they do in process."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from botlib import FakeRandomness, Secret, SystemClock
from botstate import CacheSettings
from botstate.keyvalue import KeyValue
from botstate.mailbox import Mailbox
from botstate.testing import (
    CACHE_CONTRACT,
    CHANNELS_CONTRACT,
    EVENTS_CONTRACT,
    LOCKS_CONTRACT,
    STREAMS_CONTRACT,
    CacheCheck,
    ChannelsCheck,
    EventsCheck,
    StreamsCheck,
)
from botstate.valkey import cache as cache_module
from botstate.valkey import open_valkey, scripts
from botstate.valkey import streams as streams_module

pytestmark = pytest.mark.anyio

_numbers = itertools.count()


@asynccontextmanager
async def opened(url: str, prefix: str = "") -> AsyncIterator[KeyValue]:
    settings = CacheSettings(prefix=prefix or f"{next(_numbers)}:")
    async with open_valkey(
        Secret(url.replace("redis://", "valkey://")), settings, SystemClock(), FakeRandomness()
    ) as key_value:
        yield key_value


@pytest.mark.parametrize("check", CACHE_CONTRACT + LOCKS_CONTRACT, ids=lambda check: check.__name__)
async def test_cache(check: CacheCheck, redis_url: str) -> None:
    async with opened(redis_url) as key_value:
        await check(key_value.cache, asyncio.sleep)


@pytest.mark.parametrize("check", CHANNELS_CONTRACT, ids=lambda check: check.__name__)
async def test_channels(check: ChannelsCheck, redis_url: str) -> None:
    async with opened(redis_url) as key_value:
        await check(key_value.channels)


@pytest.mark.parametrize("check", EVENTS_CONTRACT, ids=lambda check: check.__name__)
async def test_events(check: EventsCheck, redis_url: str) -> None:
    async with opened(redis_url, "events:") as one, opened(redis_url, "events:") as other:
        await check(one.channels, other.channels)


@pytest.mark.parametrize("check", STREAMS_CONTRACT, ids=lambda check: check.__name__)
async def test_streams(check: StreamsCheck, redis_url: str) -> None:
    async with opened(redis_url) as key_value:
        await check(key_value.streams, asyncio.sleep)


async def fails(name: str, url: str) -> None:
    """The check of this name catches what is broken."""
    async with opened(url) as key_value:
        checks = {it.__name__: partial(it, key_value.cache) for it in CACHE_CONTRACT + LOCKS_CONTRACT}
        checks |= {it.__name__: partial(it, key_value.streams) for it in STREAMS_CONTRACT}
        with pytest.raises(AssertionError):
            await checks[name](asyncio.sleep)


def script(text: str) -> scripts.Script:
    return scripts._script(text)


async def test_a_comparison_that_is_left_out_is_caught(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setattr(cache_module, "COMPARE_AND_SET", script("redis.call('SET', KEYS[1], ARGV[3]) return 1"))
    await fails("compare_and_set_needs_the_expected_value", redis_url)
    await fails("of_many_at_once_one_is_first", redis_url)


async def test_a_lock_that_anybody_releases_is_caught(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setattr(cache_module, "DELETE_IF", script("return redis.call('DEL', KEYS[1])"))
    await fails("who_lost_it_can_neither_renew_nor_release_it", redis_url)
    await fails("delete_tells_whether_it_did", redis_url)


async def test_a_life_that_begins_at_each_increment_is_caught(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    text = scripts.INCREMENT.text.replace("if absent then", "if true then")
    monkeypatch.setattr(cache_module, "INCREMENT", script(text))
    await fails("the_first_increment_begins_the_time_to_live", redis_url)


async def test_sums_that_go_through_floating_point_are_caught(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    text = scripts.INCREMENT.text.replace(
        "return redis.call('GET', KEYS[1])", "return tonumber(redis.call('GET', KEYS[1]))"
    )
    monkeypatch.setattr(cache_module, "INCREMENT", script(text))
    await fails("large_numbers_are_counted_exactly", redis_url)


async def test_a_prefix_that_is_taken_for_a_pattern_is_caught(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setattr(cache_module, "_PATTERN_CHARACTERS", re.compile(rb"(?!)"))
    await fails("scan_finds_each_key_with_the_prefix_once", redis_url)


async def test_a_claim_that_asks_not_how_long_is_caught(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    text = scripts.CLAIM.text.replace("ARGV[3]", "0")
    monkeypatch.setattr(streams_module, "CLAIM", script(text))
    await fails("what_was_not_acknowledged_is_claimed", redis_url)


async def test_messages_that_are_lost_without_a_word_are_caught(
    monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setattr(Mailbox, "miss", lambda mailbox: mailbox._messages.popleft())
    check = next(it for it in CHANNELS_CONTRACT if it.__name__ == "who_is_too_slow_learns_it_and_gets_the_newest")
    async with opened(redis_url) as key_value:
        with pytest.raises(AssertionError, match="without a word"):
            await check(key_value.channels)


async def test_two_servers_with_prefixes_of_their_own_share_one_valkey(redis_url: str) -> None:
    async with opened(redis_url, "one*:") as one, opened(redis_url, "one") as other:
        await one.cache.set("key", b"1")
        await one.streams.append("commands", b"1")
        async with other.channels.subscribe("news") as messages:
            await one.channels.publish("news", b"1")
            await other.channels.publish("news", b"2")
            assert await anext(messages) == b"2"
        assert await other.cache.get("key") is None
        assert [key async for key in other.cache.scan("")] == []
        assert await other.streams.read("commands", "group") == []


async def test_a_claim_passes_over_what_was_trimmed_and_gets_all_that_is_left(redis_url: str) -> None:
    async with opened(redis_url) as key_value:
        streams = key_value.streams
        for number in range(300):
            await streams.append("a", b"%d" % number, keep=1_000)
        await streams.read("a", "group", count=300)
        await streams.append("a", b"300", keep=100)

        claimed = await streams.claim("a", "group", idle=0, count=500)

        assert 99 <= len(claimed) < 300
        assert [entry.data for entry in claimed] == [b"%d" % number for number in range(300 - len(claimed), 300)]
        assert {entry.deliveries for entry in claimed} == {2}
        assert await streams.acknowledge("a", "group", [entry.id for entry in claimed]) == len(claimed)
        assert await streams.claim("a", "group", idle=0) == []

"""What every `Cache` does. Each check gets a cache of its own, and a way to let time pass on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from botlib import InvalidError
from botstate.cache import Cache

#: Lets that many seconds pass: a fake clock is advanced, for a real server it is a sleep.
PassTime = Callable[[float], Awaitable[None]]
CacheCheck = Callable[[Cache, PassTime], Awaitable[None]]


async def what_is_set_can_be_got(cache: Cache, _pass_time: PassTime) -> None:
    assert await cache.get("a") is None
    assert await cache.set("a", b"\x00\xff one")
    assert await cache.get("a") == b"\x00\xff one"
    assert await cache.set("a", b"")
    assert await cache.get("a") == b""


async def any_text_is_a_key_and_any_bytes_a_value(cache: Cache, _pass_time: PassTime) -> None:
    values = {"": b"empty", " a b\r\n\0": b"\r\n", "\ud800": b"half", "\u00e4" * 500: b"x" * 1_000_000, "a:b/c*": b"$3"}
    for key, value in values.items():
        await cache.set(key, value)
    assert {key: await cache.get(key) for key in values} == values
    assert {key async for key in cache.scan("")} == set(values)


async def if_absent_keeps_what_is_there(cache: Cache, _pass_time: PassTime) -> None:
    assert await cache.set("a", b"1", if_absent=True)
    assert not await cache.set("a", b"2", if_absent=True)
    assert await cache.get("a") == b"1"


async def a_value_expires(cache: Cache, pass_time: PassTime) -> None:
    await cache.set("short", b"1", ttl=0.2)
    await cache.set("long", b"1", ttl=60)
    await cache.set("for ever", b"1")
    await pass_time(0.3)

    assert [await cache.get(key) for key in ("short", "long", "for ever")] == [None, b"1", b"1"]
    assert [key async for key in cache.scan("short")] == []
    assert not await cache.delete("short")
    assert await cache.set("short", b"2", if_absent=True)


async def writing_again_begins_a_new_life(cache: Cache, pass_time: PassTime) -> None:
    await cache.set("a", b"1", ttl=0.2)
    await cache.set("a", b"2")
    await cache.set("b", b"1", ttl=60)
    await cache.set("b", b"2", ttl=0.2)
    await pass_time(0.3)

    assert [await cache.get("a"), await cache.get("b")] == [b"2", None]


async def a_time_to_live_is_more_than_zero(cache: Cache, _pass_time: PassTime) -> None:
    for ttl in (0.0, -1.0):
        for call in (
            cache.set("a", b"1", ttl=ttl),
            cache.increment("a", ttl=ttl),
            cache.compare_and_set("a", None, b"1", ttl=ttl),
        ):
            accepted = False
            with suppress(ValueError):
                await call
                accepted = True
            assert not accepted, "a time to live of zero or less was accepted"
    assert await cache.get("a") is None


async def increments_add_up(cache: Cache, _pass_time: PassTime) -> None:
    assert [await cache.increment("a"), await cache.increment("a", 10), await cache.increment("a", -12)] == [1, 11, -1]
    assert await cache.get("a") == b"-1"
    await cache.set("b", b"41")
    assert await cache.increment("b") == 42


async def the_first_increment_begins_the_time_to_live(cache: Cache, pass_time: PassTime) -> None:
    await cache.increment("a", ttl=0.5)
    await pass_time(0.3)
    assert await cache.increment("a", ttl=0.5) == 2
    await pass_time(0.3)
    assert await cache.increment("a", ttl=0.5) == 1


async def what_is_no_number_is_not_incremented(cache: Cache, _pass_time: PassTime) -> None:
    spellings = (b"one", b"", b" 1", b"007", b"1_0", b"+1", b"1.5")
    for value, by in (*((it, 1) for it in spellings), (b"%d" % (2**63 - 1), 1), (b"%d" % -(2**63), -1)):
        await cache.set("a", value)
        accepted = False
        with suppress(InvalidError):
            await cache.increment("a", by)
            accepted = True
        assert not accepted, f"{value!r} was incremented by {by}"
        assert await cache.get("a") == value


async def large_numbers_are_counted_exactly(cache: Cache, _pass_time: PassTime) -> None:
    largest = 2**63 - 1
    assert await cache.increment("a", largest - 1, ttl=60) == largest - 1
    assert await cache.increment("a", ttl=60) == largest
    assert await cache.increment("b", -(2**63)) == -(2**63)


async def compare_and_set_needs_the_expected_value(cache: Cache, pass_time: PassTime) -> None:
    assert not await cache.compare_and_set("a", b"1", b"2")
    assert await cache.compare_and_set("a", None, b"1")
    assert not await cache.compare_and_set("a", None, b"2")
    assert not await cache.compare_and_set("a", b"2", b"3")
    assert await cache.compare_and_set("a", b"1", b"2", ttl=0.2)
    assert await cache.get("a") == b"2"
    await pass_time(0.3)
    assert not await cache.compare_and_set("a", b"2", b"3")
    assert await cache.compare_and_set("a", None, b"3")


async def delete_tells_whether_it_did(cache: Cache, _pass_time: PassTime) -> None:
    await cache.set("a", b"1")
    assert not await cache.delete("a", expected=b"2")
    assert await cache.get("a") == b"1"
    assert await cache.delete("a", expected=b"1")
    assert not await cache.delete("a")
    assert not await cache.delete("a", expected=b"1")


async def scan_finds_each_key_with_the_prefix_once(cache: Cache, _pass_time: PassTime) -> None:
    keys = {f"mail:*[x]?\\{number}" for number in range(300)}
    for key in (*keys, "mai", "other:mail:", "MAIL:1"):
        await cache.set(key, b"1")

    assert sorted([key async for key in cache.scan("mail:*[x]?\\")]) == sorted(keys)
    assert sorted([key async for key in cache.scan("m")]) == sorted({*keys, "mai"})
    assert [key async for key in cache.scan("nothing")] == []


async def keys_may_go_while_they_are_scanned(cache: Cache, _pass_time: PassTime) -> None:
    for number in range(50):
        await cache.set(f"a{number}", b"1")
    async for key in cache.scan("a"):
        await cache.delete(key)
        await cache.set(f"b{key}", b"1")

    assert [key async for key in cache.scan("a")] == []


async def of_many_at_once_one_is_first(cache: Cache, _pass_time: PassTime) -> None:
    async def try_all(number: int) -> tuple[bool, bool, int]:
        value = b"%d" % number
        won = await cache.set("first", value, if_absent=True)
        changed = await cache.compare_and_set("swap", None, value)
        return won, changed, await cache.increment("count")

    results = await asyncio.gather(*(try_all(number) for number in range(20)))

    assert [sum(won for won, _, _ in results), sum(changed for _, changed, _ in results)] == [1, 1]
    assert sorted(count for _, _, count in results) == list(range(1, 21))


CACHE_CONTRACT: tuple[CacheCheck, ...] = (
    what_is_set_can_be_got,
    any_text_is_a_key_and_any_bytes_a_value,
    if_absent_keeps_what_is_there,
    a_value_expires,
    writing_again_begins_a_new_life,
    a_time_to_live_is_more_than_zero,
    increments_add_up,
    the_first_increment_begins_the_time_to_live,
    what_is_no_number_is_not_incremented,
    large_numbers_are_counted_exactly,
    compare_and_set_needs_the_expected_value,
    delete_tells_whether_it_did,
    scan_finds_each_key_with_the_prefix_once,
    keys_may_go_while_they_are_scanned,
    of_many_at_once_one_is_first,
)

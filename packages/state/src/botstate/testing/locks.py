"""What locks do on every `Cache`. Each check gets a cache of its own, and a way to let time pass on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from botlib import ConflictError, FakeClock, FakeRandomness
from botstate.cache import CACHE, Cache
from botstate.foundation import CLOCK, RANDOMNESS
from botstate.locks import hold_lock
from botstate.state import AppState

if TYPE_CHECKING:
    from botstate.testing.cache import CacheCheck, PassTime


async def a_lock_has_one_holder(cache: Cache, _pass_time: PassTime) -> None:
    async with hold_lock(_process(cache, 1), "a", ttl=30):
        assert not await _can_take(cache, "a")
        assert await _can_take(cache, "b")
    assert await _can_take(cache, "a")


async def of_many_at_once_one_gets_it(cache: Cache, _pass_time: PassTime) -> None:
    done = asyncio.Event()
    refused = 0

    async def work(number: int) -> None:
        nonlocal refused
        try:
            async with hold_lock(_process(cache, number), "a", ttl=30):
                await done.wait()
        except ConflictError:
            refused += 1
            if refused == 19:
                done.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(work(number))
    assert refused == 19


async def a_lock_expires(cache: Cache, pass_time: PassTime) -> None:
    async with hold_lock(_process(cache, 1), "a", ttl=0.2):
        await pass_time(0.3)
        assert await _can_take(cache, "a")


async def one_that_is_renewed_does_not(cache: Cache, pass_time: PassTime) -> None:
    async with hold_lock(_process(cache, 1), "a", ttl=0.6) as lock:
        for _ in range(3):
            await pass_time(0.3)
            assert await lock.renew()
        assert not await _can_take(cache, "a")


async def who_lost_it_can_neither_renew_nor_release_it(cache: Cache, pass_time: PassTime) -> None:
    async with hold_lock(_process(cache, 1), "a", ttl=0.2) as slow:
        await pass_time(0.3)
        async with hold_lock(_process(cache, 2), "a", ttl=30) as other:
            assert not await slow.renew()
            assert not await slow.release()
            assert not await _can_take(cache, "a")
            assert await other.renew()


LOCKS_CONTRACT: tuple[CacheCheck, ...] = (
    a_lock_has_one_holder,
    of_many_at_once_one_gets_it,
    a_lock_expires,
    one_that_is_renewed_does_not,
    who_lost_it_can_neither_renew_nor_release_it,
)


async def _can_take(cache: Cache, name: str) -> bool:
    try:
        async with hold_lock(_process(cache, 99), name, ttl=30):
            return True
    except ConflictError:
        return False


def _process(cache: Cache, seed: int) -> AppState:
    """What one of several processes has, all of them with one cache."""
    state = AppState()
    state.provide(CACHE, cache)
    state.provide(CLOCK, FakeClock())
    state.provide(RANDOMNESS, FakeRandomness(seed))
    return state

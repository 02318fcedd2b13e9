import asyncio

import pytest

from botlib import ConflictError, FakeClock, FakeRandomness, SystemClock
from botstate import CACHE, CLOCK, RANDOMNESS, AppState, Cache, MemoryCache, hold_lock
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio


def process(cache: Cache, clock: FakeClock, seed: int) -> AppState:
    """What one of several processes has, all of them with one cache."""
    state = AppState()
    state.provide(CACHE, cache)
    state.provide(CLOCK, clock)
    state.provide(RANDOMNESS, FakeRandomness(seed))
    return state


async def test_a_lock_is_held_by_one_at_a_time() -> None:
    state = fake_state()

    async with hold_lock(state, "backup", ttl=30):
        with pytest.raises(ConflictError, match=r"^Somebody else holds the lock backup\."):
            async with hold_lock(state, "backup", ttl=30):
                pytest.fail("held twice")
        async with hold_lock(state, "other", ttl=30):
            pass
    async with hold_lock(state, "backup", ttl=30):
        pass


async def test_it_is_released_when_the_work_fails() -> None:
    state = fake_state()
    with pytest.raises(ZeroDivisionError):
        async with hold_lock(state, "backup", ttl=30):
            _ = 1 / 0

    async with hold_lock(state, "backup", ttl=30):
        pass


async def test_who_waits_gets_it_when_it_is_free() -> None:
    clock = FakeClock()
    cache = MemoryCache(clock)
    order: list[int] = []

    async def work(number: int) -> None:
        async with hold_lock(process(cache, clock, number), "backup", ttl=30, patience=10):
            order.append(number)
            await clock.sleep(1)
            order.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(work(number))
        await clock.advance(5)

    assert len(order) == 6
    assert [order[0], order[2], order[4]] == [order[1], order[3], order[5]]


async def test_a_lock_that_was_lost_is_neither_renewed_nor_released() -> None:
    clock = FakeClock()
    cache = MemoryCache(clock)

    async with hold_lock(process(cache, clock, 1), "backup", ttl=30) as slow:
        await clock.advance(20)
        assert await slow.renew()
        await clock.advance(20)
        assert await slow.renew()
        await clock.advance(31)
        async with hold_lock(process(cache, clock, 2), "backup", ttl=30) as other:
            assert not await slow.renew()
            assert not await slow.release()
            assert await other.renew()


async def test_real_time_passes_for_who_waits() -> None:
    state = AppState()
    state.provide(CLOCK, SystemClock())
    state.provide(RANDOMNESS, FakeRandomness())
    state.provide(CACHE, MemoryCache(SystemClock()))

    async with hold_lock(state, "backup", ttl=0.05), hold_lock(state, "backup", ttl=1, patience=10):
        pass

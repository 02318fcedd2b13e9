import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from botlib import Clock, FakeClock, SystemClock

pytestmark = pytest.mark.anyio


def test_both_clocks_tell_aware_utc() -> None:
    clocks: tuple[Clock, ...] = (SystemClock(), FakeClock())

    assert [clock.now().utcoffset() for clock in clocks] == [timedelta(0), timedelta(0)]


async def test_the_system_clock_sleeps_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    began = clock.monotonic()

    await clock.sleep(0.01)
    await clock.sleep(-1)

    assert clock.monotonic() - began >= 0.01


async def test_sleepers_wake_in_order_each_at_its_own_moment() -> None:
    clock = FakeClock(datetime(2030, 1, 1, tzinfo=UTC))
    seen: list[tuple[str, float, int]] = []

    async def nap(name: str, *spans: float) -> None:
        for span in spans:
            await clock.sleep(span)
            seen.append((name, clock.monotonic(), clock.now().second))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(nap("twice", 2, 2))
        tasks.create_task(nap("once", 3))
        tasks.create_task(nap("late", 60))
        await clock.advance(10)
        assert seen == [("twice", 2, 2), ("once", 3, 3), ("twice", 4, 4)]
        assert (clock.monotonic(), clock.sleepers) == (10, 1)
        await clock.advance(50)

    assert seen[-1] == ("late", 60, 0)


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    assert clock.sleepers == 1

    task.cancel()
    await asyncio.sleep(0)

    assert (task.cancelled(), clock.sleepers) == (True, 0)
    await clock.advance(2)


async def test_a_sleep_of_nothing_returns_while_the_clock_stands() -> None:
    await FakeClock().sleep(0)


async def test_the_time_of_day_may_jump_while_durations_do_not() -> None:
    clock = FakeClock()

    clock.set_now(datetime(2029, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))

    assert (clock.now(), clock.monotonic()) == (datetime(2029, 1, 1, tzinfo=UTC), 0)


async def test_a_clock_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="aware"):
        FakeClock(datetime(2030, 1, 1))  # noqa: DTZ001 - the naive time is what is refused
    with pytest.raises(ValueError, match="never set back"):
        await FakeClock().advance(-1)


async def test_many_small_steps_are_as_exact_as_a_large_one() -> None:
    clock = FakeClock()
    began = clock.now()

    async def look_often() -> None:
        while True:
            await clock.sleep(1 / 3)

    looking = asyncio.create_task(look_often())
    await clock.advance(60)
    looking.cancel()

    assert clock.now() - began == timedelta(seconds=60)

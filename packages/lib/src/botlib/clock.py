"""Time comes from one clock, so that a test can own it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asyncio import Future


class Clock(Protocol):
    """Where every part of the platform gets its time from."""

    def now(self) -> datetime:
        """The time of day, aware and in UTC. It may jump, also backwards: never measure durations with it."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; it never goes back. For durations and deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds; zero or less gives way to other tasks once."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # 40 ms of start-up that programs without tasks do not need

        await asyncio.sleep(max(seconds, 0))


class FakeClock:
    """A clock that stands still until a test advances it. For one event loop."""

    def __init__(self, now: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        if now.tzinfo is None:
            raise ValueError("FakeClock needs an aware time, such as datetime(2030, 1, 1, tzinfo=UTC).")
        self._began = now.astimezone(UTC)
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, int, Future[None]]] = []
        self._slept = 0

    @property
    def sleepers(self) -> int:
        """How many tasks sleep on this clock now."""
        return sum(not future.done() for _, _, future in self._sleepers)

    def now(self) -> datetime:
        # From the beginning, not from the last step: a thousand small steps are as exact as a large one.
        return self._began + timedelta(seconds=self._monotonic)

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: Future[None] = asyncio.get_running_loop().create_future()
        self._slept += 1
        heappush(self._sleepers, (self._monotonic + seconds, self._slept, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move on by that many seconds. Sleepers wake in order, each at its own moment, and run before this returns.

        A task that sleeps again within the span is woken again within the span.
        """
        if seconds < 0:
            raise ValueError("A clock is advanced, never set back; use set_now for a time of day that jumps.")
        await self._let_others_run()
        end = self._monotonic + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, future = heappop(self._sleepers)
            self._monotonic = moment
            if not future.done():
                future.set_result(None)
            await self._let_others_run()
        self._monotonic = end

    def set_now(self, now: datetime) -> None:
        """Let the time of day jump, as a clock that is corrected does. Durations are not affected."""
        self._began = now.astimezone(UTC) - timedelta(seconds=self._monotonic)

    async def _let_others_run(self) -> None:
        import asyncio

        # A woken task may pass its result on to others before one of them sleeps again; each hand-over is a turn.
        for _ in range(20):
            await asyncio.sleep(0)

"""An event loop in which time jumps to whatever is due next. Hours pass in a moment, and the same in every run."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

R = TypeVar("R")
_BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


class StuckError(Exception):
    """Every task waits, and nothing will ever happen."""


def run_virtually(work: Coroutine[Any, Any, R]) -> R:
    """Like `asyncio.run`, in virtual time. `StuckError` when everybody waits for nothing."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(work)


class LoopClock:
    """The clock of the running loop. The time of day may jump: `jump` says how far it is off."""

    def __init__(self) -> None:
        self.jump = timedelta()

    def now(self) -> datetime:
        """The time of day."""
        return _BEGIN + self.jump + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since the loop began."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(max(seconds, 0))


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: what would have been waited passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise StuckError
        self.seconds += max(timeout, 0.0)
        return []


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.seconds

"""Waits for a condition, with a deadline. The only place of this package that sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botlib import Clock

#: Seconds between two looks; the first looks come sooner.
_LONGEST_PAUSE = 0.05
_FIRST_PAUSE = 0.002


async def wait_until(probe: Callable[[], Awaitable[bool]], *, seconds: float, clock: Clock) -> bool:
    """Look until `probe` says yes, at most that long. Says whether it did; what it raises ends the wait."""
    deadline = clock.monotonic() + seconds
    pause = _FIRST_PAUSE
    while not await probe():
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return True

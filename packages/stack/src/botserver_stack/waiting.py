"""Waits for a condition, with a deadline. The only place of this package that sleeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botlib import Clock

#: Seconds between two looks; the first looks come sooner.
_LONGEST_PAUSE = 0.01
_FIRST_PAUSE = 0.002
#: Seconds that a look may take.
_FIRST_PATIENCE = 1.0
_LONGEST_PATIENCE = 10.0


async def wait_until(probe: Callable[[], Awaitable[bool]], *, seconds: float, clock: Clock) -> bool:
    """Look until `probe` says yes, at most that long. Says whether it did; what it raises ends the wait.

    A look that hangs is given up and made again: a stranger may have accepted the connection, and say nothing.
    """
    deadline = clock.monotonic() + seconds
    pause, patience = _FIRST_PAUSE, _FIRST_PATIENCE
    while not await _look(probe, patience):
        patience = min(patience * 2, _LONGEST_PATIENCE)
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return True


async def _look(probe: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await probe()
    except TimeoutError:
        return False

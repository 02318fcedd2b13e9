"""Time limits on the platform's clock, so that a test owns them too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from botlib import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, work: Coroutine[object, object, T]) -> T:
    """What the work gives. After that many seconds it is cancelled, waited for, and `TimeoutError` raised.

    Work that ends in the very moment of its limit is done, not late.
    """
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        with suppress(asyncio.CancelledError):
            return await task
        raise TimeoutError
    finally:
        await stop(task)
        await stop(timer)


async def wait_for_event(clock: Clock, event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after that many seconds."""
    with suppress(TimeoutError):
        await within(clock, seconds, event.wait())


async def stop(task: asyncio.Future[T]) -> None:
    """Cancel a task and wait until it is gone. Its error, if it had one, was its owner's to see."""
    if task.done():
        return
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

"""Starts again what failed at start, while the server runs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from botlib import SystemClock, SystemRandomness
from botstate.foundation import CLOCK, RANDOMNESS
from botstate.opening import missing_needs, open_service
from botstate.standings import Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from botlib import Randomness
    from botstate.service import Service
    from botstate.standings import Standings
    from botstate.state import AppState

#: Seconds before the second attempt; each further one waits twice as long, up to the last.
FIRST_DELAY = 5.0
LONGEST_DELAY = 300.0

_log = logging.getLogger(__name__)


def delay_before_try(tries: int, randomness: Randomness) -> float:
    """Seconds to wait after that many attempts: 5, 10, 20 … 300, each a tenth more or less, so that servers part."""
    # The power is bounded, for a server that tries for months.
    return float(min(FIRST_DELAY * 2 ** min(tries - 1, 16), LONGEST_DELAY)) * randomness.uniform(0.9, 1.1)


@asynccontextmanager
async def retrying(order: Sequence[Service], state: AppState, standings: Standings) -> AsyncIterator[None]:
    """While this lasts, services in trouble are started again, each after all that it needs; then they are closed.

    All of it happens in one task, which opens and closes: what a provider holds (a task group, a time limit) belongs to
    the task that opened it.
    """
    if not any(it.trouble for it in standings):
        yield
        return
    task = asyncio.create_task(_keep(order, state, standings), name="services in trouble")
    try:
        yield
    finally:
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise  # somebody gave up closing; else it is only a task that had not begun


async def _keep(order: Sequence[Service], state: AppState, standings: Standings) -> None:
    async with AsyncExitStack() as stack:
        try:
            await _try_all(order, state, standings, stack)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # The server stops. What was opened here is closed like everything else: as in peace, not as cancelled.
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()


async def _try_all(order: Sequence[Service], state: AppState, standings: Standings, stack: AsyncExitStack) -> None:
    clock = state.require(CLOCK) if state.has(CLOCK) else SystemClock()
    randomness = state.require(RANDOMNESS) if state.has(RANDOMNESS) else SystemRandomness()
    waiting = {service.name: service for service in order if standings.of(service.name).trouble}
    due: dict[str, float] = {}
    while waiting:
        now = clock.monotonic()
        for name, service in waiting.items():
            if name not in due and not missing_needs(service, state):
                tries = standings.of(name).tries
                due[name] = now + (delay_before_try(tries, randomness) if tries else 0)
        name = min(due, key=lambda it: due[it])
        if due[name] > now:
            await clock.sleep(due[name] - now)
        del due[name]
        tries = standings.of(name).tries + 1
        trouble = await open_service(waiting[name], state, stack)
        if not trouble:
            del waiting[name]
            _log.warning("%s has started at attempt %d", name, tries)
        standings.change(Standing(name, trouble, tries))

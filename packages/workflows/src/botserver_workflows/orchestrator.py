"""What has to happen by itself, again and again: retries come due, the steps of dead workers go on, and old tasks go.

It owns nothing. Any number of them may run at once, on any machine, and each may end at any moment.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from botserver_workflows.forgetting import forget_tasks, forget_workers
from botserver_workflows.leases import live_workers
from botserver_workflows.resending import find_overdue
from botserver_workflows.staleness import end_stay, list_ages
from botserver_workflows.sweeping import bring_retries_due, bury_workers, find_stranded, rescue_steps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botlib import Clock
    from botserver_workflows.doorbell import Doorbell
    from botserver_workflows.unit import Store

_log = logging.getLogger(__name__)

#: Seconds between two looks for retries that are due, and for workers that are dead.
DUE_INTERVAL, SWEEP_INTERVAL = 0.5, 5.0
#: The same for tasks that stay too long, and for what may be forgotten.
STALENESS_INTERVAL, FORGET_INTERVAL = 300.0, 60.0
#: The same for messages that may be lost, when the engine carries any.
RESEND_INTERVAL = 30.0
_PAGE = 200
_ACTOR = "orchestrator"


class Orchestrator:
    """The loops that keep tasks going."""

    def __init__(self, store: Store, clock: Clock, doorbell: Doorbell, keep_days: float = 30.0) -> None:
        self._keep_days = keep_days
        self._store = store
        self._clock = clock
        self._doorbell = doorbell

    async def run(self) -> None:
        """Go on until it is cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._repeat(self.bring_due, DUE_INTERVAL))
            loops.create_task(self._repeat(self.sweep, SWEEP_INTERVAL))
            loops.create_task(self._repeat(self.end_stays, STALENESS_INTERVAL))
            loops.create_task(self._repeat(self.forget, FORGET_INTERVAL))
            if self._store.engine.needs_care:
                loops.create_task(self._repeat(self.reclaim, SWEEP_INTERVAL))
                loops.create_task(self._repeat(self.resend, RESEND_INTERVAL))
                loops.create_task(self._repeat(self._store.engine.prune, FORGET_INTERVAL))

    async def bring_due(self) -> int:
        """Enqueue what is due, and return how much."""
        count = await self._store.write(_ACTOR, bring_retries_due)
        if count:
            self._doorbell.ring()
        return count

    async def sweep(self) -> int:
        """Give up dead workers, and return how many steps were taken from them."""
        buried = await self._store.write(_ACTOR, bury_workers)
        if buried:
            _log.warning("%d workers have shown no sign of life and are given up", buried)
        rescued = 0
        for task_id in await self._store.read(find_stranded):
            rescued += await self._store.write(_ACTOR, partial(rescue_steps, task_id=task_id))
        if rescued:
            self._doorbell.ring()
        return rescued

    async def reclaim(self) -> int:
        """Take messages from workers that are dead, and return how many."""
        return await self._store.engine.reclaim(await self._store.read(live_workers))

    async def resend(self) -> int:
        """Send messages again that have been lost, and return how many."""
        engine = self._store.engine
        lost = await engine.missing(await self._store.read(find_overdue))
        if lost:
            _log.warning("%d messages were lost and are sent again", len(lost))
            await engine.resend(lost)
        return len(lost)

    async def end_stays(self) -> int:
        """Do with tasks that stay too long what their templates say, and return with how many."""
        count, last = 0, None
        while ages := await self._store.read(partial(list_ages, after=last, limit=_PAGE)):
            for stay, age in ages:
                if age.is_stale:
                    count += await self._store.write(_ACTOR, partial(end_stay, task_id=stay.id))
            last = ages[-1][0].id
        if count:
            _log.warning("%d tasks stay longer than they may", count)
        return count

    async def forget(self) -> int:
        """Forget what ended long ago, and return how many tasks that were."""
        count = 0
        await self._store.write(_ACTOR, forget_workers)
        while gone := await self._store.write(_ACTOR, partial(forget_tasks, keep_days=self._keep_days)):
            count += gone
        return count

    async def _repeat(self, work: Callable[[], Awaitable[int]], interval: float) -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - the loop outlives whatever goes wrong in one turn
                _log.exception("a turn of the orchestrator failed")
            await self._clock.sleep(interval)

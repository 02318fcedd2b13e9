"""The worker of a process: lives that follow each other. One that was given up by others never comes back."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from botserver_workflows.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from botlib import Clock, Randomness
    from botserver_workflows.doorbell import Doorbell
    from botserver_workflows.handlers import Handler
    from botserver_workflows.unit import Store
    from botserver_workflows.worker import WorkerOptions

_log = logging.getLogger(__name__)

#: Seconds between a life that could not begin, or broke, and the next one.
PAUSE = 1.0


class Lives:
    """Works until it is told to stop, each life under an id of its own."""

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, Handler],
        options: WorkerOptions,
        clock: Clock,
        randomness: Randomness,
        doorbell: Doorbell,
    ) -> None:
        self.options = options
        self.handlers = handlers
        self.began: datetime = clock.now()
        self._begin: Callable[[], Worker] = partial(Worker, store, handlers, options, clock, randomness, doorbell)
        self.current = self._begin()
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until `stop`; then running steps have their time to end, and the rest goes back to others."""
        while not stop.is_set():
            try:
                await self.current.run(stop)
            except Exception:  # noqa: BLE001 - whatever broke it, the steps of its namespaces go on
                _log.exception("a worker broke, and another one takes its place")
                await self._rest(stop)
            if not stop.is_set():
                self.current = self._begin()

    async def _rest(self, stop: asyncio.Event) -> None:
        waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._clock.sleep(PAUSE))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for it in waiting:
                it.cancel()

"""One life of a worker: it takes steps, runs their handlers and hands in what came of them, until it is told to stop.

All that it does with the tables happens in one loop: a turn hands in what has ended and takes as much as there is
room for, in one unit of work. Under load a turn carries many steps, and an idle worker only looks.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from botlib import BotError
from botserver_workflows.attempt import Failure, Success
from botserver_workflows.claiming import find_claims
from botserver_workflows.completing import complete_attempt, fail_attempt
from botserver_workflows.engine import Life
from botserver_workflows.executing import execute
from botserver_workflows.leases import end_worker, has_lease, register_worker, renew_lease
from botserver_workflows.limiting import limited_namespaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from botlib import Clock, Randomness
    from botserver_workflows.attempt import Claim
    from botserver_workflows.doorbell import Doorbell
    from botserver_workflows.engine import Supply
    from botserver_workflows.handlers import Handler
    from botserver_workflows.unit import Store, Unit

_log = logging.getLogger(__name__)

#: How long a worker that finds nothing waits before it looks again, at first and at last, in seconds.
SHORTEST_POLL, LONGEST_POLL = 0.05, 1.0


@dataclass(frozen=True)
class WorkerOptions:
    """`slots` is how many steps run at a time; `lease_seconds` how long others wait for a sign of life of this worker.

    `drain_seconds` is the time that running steps have to end when it is told to stop.
    """

    name: str
    namespaces: Sequence[str]
    slots: int = 16
    lease_seconds: float = 30.0
    drain_seconds: float = 10.0
    version: str = "1"


class _Ended(NamedTuple):
    claim: Claim
    outcome: Success | Failure
    milliseconds: int


class Worker:
    """Runs the steps of its namespaces whose handlers it has."""

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, Handler],
        options: WorkerOptions,
        clock: Clock,
        randomness: Randomness,
        doorbell: Doorbell,
    ) -> None:
        self._store = store
        self._handlers = handlers
        self._options = options
        self._clock = clock
        self._randomness = randomness
        self._doorbell = doorbell
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._ended: list[_Ended] = []
        self._id: UUID | None = None
        # A turn failed, and nobody knows whether it was stored: its claims are looked for.
        self._is_unsure = False
        self._limited: frozenset[str] = frozenset()
        self._supply: Supply
        self.succeeded = self.failed = 0

    @property
    def running(self) -> int:
        """How many steps run now."""
        return len(self._running)

    @property
    def id(self) -> UUID | None:
        """The id of this life, once it has begun."""
        return self._id

    async def run(self, stop: asyncio.Event) -> bool:
        """Work until `stop`, then let running steps end and give back the rest.

        False when this life was given up by others, because it had shown no sign of life for too long: come back with
        a new worker.
        """
        options = self._options
        self._id = worker_id = await self._store.write(
            options.name,
            lambda unit: register_worker(
                unit, options.name, options.namespaces, list(self._handlers), options.version, options.lease_seconds
            ),
        )
        self._limited = await self._store.read(limited_namespaces)
        life = Life(worker_id, options.namespaces, list(self._handlers), options.slots, self._doorbell)
        async with self._store.engine.supply(life) as self._supply:
            return await self._live(worker_id, stop)

    async def _live(self, worker_id: UUID, stop: asyncio.Event) -> bool:
        lost = asyncio.Event()
        beat = asyncio.create_task(self._beat(worker_id, lost))
        try:
            await self._work(worker_id, stop, lost)
            await self._drain(worker_id, lost)
        finally:
            beat.cancel()
            for task in self._running:
                task.cancel()
            await asyncio.gather(beat, *self._running, return_exceptions=True)
            if not lost.is_set():
                await self._leave(worker_id)
        return not lost.is_set()

    async def _work(self, worker_id: UUID, stop: asyncio.Event, lost: asyncio.Event) -> None:
        pause = SHORTEST_POLL
        while not (stop.is_set() or lost.is_set()):
            self._doorbell.clear()
            try:
                claims = await self._turn(worker_id, self._options.slots - len(self._running))
            except BotError as error:
                _log.warning("the tables cannot be used at the moment: %s", error)
                await self._doorbell.wait(pause, stop, lost)
                pause = min(pause * 2, LONGEST_POLL)
                continue
            if claims is None:
                _log.error("the lease of this worker was over when it handed in a result")
                lost.set()
                return
            for claim in claims:
                self._start(claim)
            if claims:
                pause = SHORTEST_POLL
            if self._ended or (claims and len(self._running) < self._options.slots):
                continue
            await self._doorbell.wait(pause, stop, lost)
            pause = min(pause * 2, LONGEST_POLL)

    async def _turn(self, worker_id: UUID, room: int) -> list[Claim] | None:
        """What this worker begins now; None when it is not to go on, as its lease is over."""
        ended, self._ended = self._ended, []
        known = {it.step_id for it in self._running.values()} if self._is_unsure else None
        self._is_unsure = False  # now, not at the end: meanwhile another claim may become one to be looked for
        try:
            claims = await self._store.write(
                self._options.name, lambda unit: self._hand_in(unit, worker_id, ended, room, known)
            )
        except BaseException:
            # It may be stored or not. What is handed in again is refused then, which does no harm.
            self._ended = ended + self._ended
            self._is_unsure = True
            raise
        self._supply.begin(claims or ())
        return claims

    async def _hand_in(
        self, unit: Unit, worker_id: UUID, ended: Sequence[_Ended], room: int, known: set[UUID] | None
    ) -> list[Claim] | None:
        are_stored = True
        # In one order, so that workers do not block each other.
        for it in sorted(ended, key=lambda it: it.claim.task_id):
            facts = {
                "execution_time_ms": it.milliseconds,
                "completed_at": unit.now.isoformat(),
                "started_at": it.claim.started_at.isoformat(),
                "worker_id": str(worker_id),
                "worker_hostname": socket.gethostname(),
            }
            if isinstance(it.outcome, Success):
                is_stored = await complete_attempt(unit, worker_id, it.claim, it.outcome, self._randomness, facts)
            else:
                is_stored = await fail_attempt(unit, worker_id, it.claim, it.outcome, self._randomness, facts)
            are_stored = are_stored and is_stored
        # A lease that was over stays so, also when the clock is set back and would let it go on: the step whose result
        # was refused is still in the hands of this life, and only the end of it brings it to others.
        if not are_stored and not await has_lease(unit, worker_id):
            return None
        found = [] if known is None else await find_claims(unit, worker_id, known)
        room -= len(found)
        if room <= 0:
            return found
        if ended:
            await unit.look_at_clock()
        return found + await self._supply.claim(unit, room, self._limited)

    def _start(self, claim: Claim) -> None:
        task = asyncio.create_task(self._attempt(claim), name=f"step {claim.name}")
        self._running[task] = claim
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        claim = self._running.pop(task)
        self._supply.settle(claim)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("step %s (%s) could not begin and is taken up again", claim.name, claim.step_id)
            self._is_unsure = True
        self._doorbell.ring()

    async def _attempt(self, claim: Claim) -> None:
        began = self._clock.monotonic()
        template = await self._store.template(claim.template_id)
        outcome = await execute(claim, self._handlers[claim.handler], template.by_name[claim.name].initialization)
        if isinstance(outcome, Success):
            self.succeeded += 1
        else:
            self.failed += 1
        self._ended.append(_Ended(claim, outcome, round((self._clock.monotonic() - began) * 1_000)))

    async def _beat(self, worker_id: UUID, lost: asyncio.Event) -> None:
        """Three signs of life a lease, and more while they do not arrive.

        When none arrives for a lease, others take the steps, so this worker stops itself.
        """
        lease = self._options.lease_seconds
        until = self._clock.monotonic() + lease
        pause = lease / 3
        while True:
            await self._clock.sleep(pause)
            began = self._clock.monotonic()
            try:
                alive = await self._store.write(self._options.name, lambda unit: renew_lease(unit, worker_id, lease))
                self._limited = await self._store.read(limited_namespaces)
            except BotError as error:
                _log.warning("a sign of life did not arrive: %s", error)
                alive = self._clock.monotonic() < until
                pause = min(lease / 3, LONGEST_POLL)
            else:
                until = began + lease
                pause = lease / 3
            if not alive:
                _log.error("this worker was given up, as it had shown no sign of life")
                lost.set()
                self._doorbell.ring()
                return

    async def _drain(self, worker_id: UUID, lost: asyncio.Event) -> None:
        if lost.is_set():
            return
        if self._running:
            await asyncio.wait(self._running, timeout=self._options.drain_seconds)
        if self._ended:
            with suppress(BotError):  # what is not stored is given back
                await self._turn(worker_id, 0)

    async def _leave(self, worker_id: UUID) -> None:
        try:
            await self._store.write(self._options.name, lambda unit: end_worker(unit, worker_id))
        except BotError as error:
            _log.warning("nobody could be told that this worker ends; its lease will tell: %s", error)

"""Workers and orchestrators in one process and virtual time, while a die kills, freezes and misleads them (W10).

Whatever happens follows from the seed alone: a seed that fails fails again, step by step.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from botlib import BotError, FakeRandomness, IdSource
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.errors import ForbiddenTransitionError
from botserver_workflows.handlers import StepError
from botserver_workflows.intervening import cancel_task
from botserver_workflows.lives import Lives
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.proofs.chaos import ChaosEngine
from botserver_workflows.proofs.checking import find_violations
from botserver_workflows.proofs.graphs import HANDLER, NAMESPACE, draw_choices, draw_template
from botserver_workflows.proofs.memory import Access, Faults, Memory
from botserver_workflows.proofs.virtual import LoopClock, run_virtually
from botserver_workflows.request import TaskRequest
from botserver_workflows.states import TASK_ENDS, TaskState
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import tasks, transitions
from botserver_workflows.template import Backoff, RetryPolicy, StepType
from botserver_workflows.unit import Store
from botserver_workflows.worker import WorkerOptions

if TYPE_CHECKING:
    from uuid import UUID

    from botserver_workflows.handlers import Step
    from botserver_workflows.template import Template
    from botserver_workflows.unit import Unit

LEASE = 10.0
_WORKERS, _ORCHESTRATORS, _TASKS, _TEMPLATES = 3, 2, 6, 3
_CHAOS_SECONDS, _CALM_SECONDS = 45.0, 400.0
_RESTING = [state.value for state in TASK_ENDS | {TaskState.BLOCKED_BY_FAILURES}]


class Report(NamedTuple):
    """What came of a seed: what should not be, how often each fault came, and a digest of all that happened."""

    violations: list[str]
    faults: dict[str, int]
    digest: str


def simulate(seed: int) -> Report:
    """One run. With odd seeds the rows are the queue, with even ones an engine carries messages, as badly as it can."""
    logging.getLogger("botserver_workflows").setLevel(logging.CRITICAL)
    return run_virtually(_Simulation(seed).run())


class _Process:
    """One process: its access to the database, and the task that runs in it."""

    def __init__(self, access: Access, task: asyncio.Task[Any]) -> None:
        self.access = access
        self.task = task

    async def kill(self) -> None:
        self.access.is_dead = True
        self.access.thawed.set()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class _Simulation:
    def __init__(self, seed: int) -> None:
        self.die = Random(seed)  # noqa: S311 - repeatable is the point
        self.clock = LoopClock()
        self.randomness = FakeRandomness(seed)
        self.ids = IdSource(self.clock, self.randomness)
        self.is_local = seed % 2 == 1
        self.templates: dict[str, tuple[Template, dict[str, list[str]]]] = {}

    async def run(self) -> Report:
        self.memory = Memory(self.die)
        engine = None if self.is_local else ChaosEngine(self.die, self.memory.count)
        try:
            self.store = Store(Access(self.memory), self.clock, self.ids, engine)
            await self._prepare()
            processes = [self._start_worker() for _ in range(_WORKERS)]
            processes += [self._start_orchestrator() for _ in range(_ORCHESTRATORS)]
            self.memory.faults = Faults(before=0.05, after=0.05)
            await self._torment(processes)
            self.memory.faults = Faults()
            await self._calm_down()
            for process in processes:
                await process.kill()
            violations = await self.store.read(find_violations)
            return Report(violations, self.memory.told, await self.store.read(_digest))
        finally:
            self.memory.close()

    async def _prepare(self) -> None:
        retry = RetryPolicy(max_attempts=4, backoff=Backoff.LINEAR)
        for number in range(_TEMPLATES):
            template = draw_template(self.die, f"t{number}", largest=7, retry=retry)
            self.templates[template.name] = (template, draw_choices(self.die, template))

        async def work(unit: Unit) -> None:
            for template, _ in self.templates.values():
                await register_template(unit, template)
            for number in range(_TASKS):
                name = f"t{number % _TEMPLATES}"
                await submit(unit, TaskRequest(NAMESPACE, name, context={"name": name}))

        await self.store.write("client", work)

    def _start_worker(self) -> _Process:
        access = Access(self.memory)
        store = Store(access, self.clock, self.ids, self.store.engine)
        options = WorkerOptions("worker", (NAMESPACE,), slots=3, lease_seconds=LEASE, drain_seconds=1)
        lives = Lives(store, {HANDLER: self._handle}, options, self.clock, self.randomness, Doorbell())
        return _Process(access, asyncio.create_task(lives.run(asyncio.Event())))

    def _start_orchestrator(self) -> _Process:
        access = Access(self.memory)
        store = Store(access, self.clock, self.ids, self.store.engine)
        loops = Orchestrator(store, self.clock, Doorbell())
        return _Process(access, asyncio.create_task(loops.run()))

    async def _handle(self, step: Step) -> Any:
        await asyncio.sleep(self.die.uniform(0, 6))
        if self.die.random() < 0.1:
            raise StepError("The die says no.")
        template, choices = self.templates[step.context["name"]]
        if template.by_name[step.name].type is StepType.DECISION:
            return {"type": "create_steps", "step_names": choices[step.name]}
        return f"{step.name} in attempt {step.attempt}"

    async def _torment(self, processes: list[_Process]) -> None:
        end = self.clock.monotonic() + _CHAOS_SECONDS
        while self.clock.monotonic() < end:
            await asyncio.sleep(self.die.expovariate(1 / 3))
            index = self.die.randrange(len(processes))
            what = self.die.choice(["kill", "kill", "freeze", "jump", "cancel"])
            self.memory.count(what)
            if what == "kill":
                await processes[index].kill()
                processes[index] = self._start_worker() if index < _WORKERS else self._start_orchestrator()
            elif what == "freeze":
                thawed = processes[index].access.thawed
                thawed.clear()
                asyncio.get_running_loop().call_later(LEASE * self.die.uniform(0.5, 4), thawed.set)
            elif what == "jump":
                self.clock.jump = timedelta(seconds=self.die.uniform(-30, 30))
            elif self.die.random() < 0.2:
                await self._cancel_one()

    async def _cancel_one(self) -> None:
        async def work(unit: Unit) -> None:
            found = list((await unit.session.execute(select(tasks.c.id).order_by(tasks.c.id))).scalars())
            chosen: UUID = self.die.choice(found)
            await cancel_task(unit, chosen)

        with suppress(BotError, ForbiddenTransitionError):
            await self.store.write("anna", work)

    async def _calm_down(self) -> None:
        """Until nothing moves any more, or for longer than anything may take."""
        end = self.clock.monotonic() + _CALM_SECONDS
        query = select(tasks.c.id).where(tasks.c.state.not_in(_RESTING)).limit(1)
        while self.clock.monotonic() < end and await self.store.read(partial(_scalar, query=query)) is not None:
            await self.clock.sleep(5)


async def _scalar(unit: Unit, query: Any) -> Any:
    return await unit.session.scalar(query)


async def _digest(unit: Unit) -> str:
    digest = hashlib.sha256()
    for row in (await unit.session.execute(select(transitions).order_by(transitions.c.id))).all():
        digest.update(f"{row.subject_id} {row.from_state} {row.to_state} {row.dispatch} {row.at}\n".encode())
    return digest.hexdigest()

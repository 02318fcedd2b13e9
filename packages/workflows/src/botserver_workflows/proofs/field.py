"""Where proofs happen: tables, worker processes that can be killed and frozen, and what is there at the end."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from botserver_workflows.proofs.checking import find_violations
from botserver_workflows.proofs.process import (
    WORK,
    Place,
    count_effects,
    make_effects,
    open_store,
    run_worker,
    sweep,
)
from botserver_workflows.request import TaskRequest
from botserver_workflows.states import TASK_ENDS, StepState, TaskState
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import fenced, metadata, steps, tasks, workers
from botserver_workflows.template import Backoff, RetryPolicy, StepTemplate, Template

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from botserver_workflows.unit import Store, Unit

LEASE = 2.0
LOOK = 0.02  # seconds between two looks at what is awaited
PATIENCE = 100.0
_READING = 120.0  # seconds for all rows of a proof
_RESTING = [state.value for state in TASK_ENDS | {TaskState.BLOCKED_BY_FAILURES}]
_RETRY = RetryPolicy(max_attempts=1_000, backoff=Backoff.NONE)


def _shape(name: str, *edges: tuple[str, str]) -> Template:
    names = dict.fromkeys(name for edge in edges for name in edge if name)
    parents = {step: tuple(parent for parent, child in edges if child == step and parent) for step in names}
    own = tuple(StepTemplate(it, WORK, parents[it], retry=_RETRY, timeout_seconds=60) for it in names)
    return Template("proof", name, "1.0.0", own, checksum=name)


#: The five shapes of the samples.
SHAPES = (
    _shape("linear", ("", "a"), ("a", "b"), ("b", "c"), ("c", "d")),
    _shape("diamond", ("", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")),
    _shape("tree", ("", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("b", "e"), ("c", "f"), ("c", "g"), ("d", "h")),
    _shape("mixed", ("", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("b", "e"), ("c", "f"), ("d", "g")),
    _shape("order", ("", "a"), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "d"), ("b", "d"), ("c", "d")),
)


class Report(NamedTuple):
    """What came of a proof: what should not be, and what happened how often."""

    violations: list[str]
    figures: dict[str, int]


class Field:
    """The tables of a proof, and the processes that work on them."""

    def __init__(self, place: Place, store: Store) -> None:
        self.place = place
        self.store = store
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["botserver_workflows.proofs.process"])
        self.processes: dict[int, BaseProcess] = {}

    def start(self, *namespaces: str, run: Callable[[Place], None] = run_worker) -> int:
        """A new worker, or what else `run` is; returns the id of its process."""
        place = self.place._replace(namespaces=namespaces)
        process = self._context.Process(target=run, args=(place,), daemon=True)
        process.start()
        assert process.pid is not None
        self.processes[process.pid] = process
        return process.pid

    def signal(self, pid: int, number: signal.Signals) -> None:
        """One that has ended by itself is past all signals."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    async def end(self, pid: int) -> None:
        """Wait until the process is gone."""
        process = self.processes.pop(pid)
        await asyncio.to_thread(process.join, 30)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"The process {pid} did not end.")

    async def holders(self) -> list[int]:
        """The processes that hold steps now."""
        query = select(workers.c.pid).join(steps, steps.c.worker_id == workers.c.id)
        query = query.where(steps.c.state == StepState.IN_PROGRESS.value, workers.c.state == "live").distinct()
        rows = await self.store.read(lambda unit: unit.session.execute(query))
        return sorted(pid for pid in rows.scalars() if pid in self.processes)

    async def scalar(self, query: Any) -> Any:
        """One value."""
        return await self.store.read(lambda unit: unit.session.scalar(query))

    async def refused(self) -> int:
        """How many late results were refused."""
        return int(await self.scalar(select(func.count()).select_from(fenced)))

    async def submit(self, templates: Iterable[Template], count: int, **context: Any) -> None:
        """That many tasks, of each template in turn."""
        known = tuple(templates)

        async def work(unit: Unit, numbers: range) -> None:
            for number in numbers:
                template = known[number % len(known)]
                await submit(unit, TaskRequest(template.namespace, template.name, context=context))

        for first in range(0, count, 50):
            await self.store.write("client", partial(work, numbers=range(first, min(first + 50, count))))

    async def all_rest(self) -> bool:
        """Whether nothing moves any more."""
        return await self.scalar(select(tasks.c.id).where(tasks.c.state.not_in(_RESTING)).limit(1)) is None

    async def report(self, **figures: int) -> Report:
        """What the tables and the effects say at the end."""
        violations = await self.store.read(partial(find_violations, in_order=False))
        complete = await self.scalar(select(func.count()).where(steps.c.state == StepState.COMPLETE.value))
        effects, asked = count_effects(self.place.effects)
        if effects != complete:
            violations.append(f"{complete} steps are complete, and {effects} effects are there")
        attempts = await self.scalar(select(func.sum(steps.c.attempts)))
        refused = await self.refused()
        more = {
            "steps": complete,
            "attempts": int(attempts),
            "effects asked for": asked,
            "late writes refused": refused,
        }
        return Report(violations, {**figures, **more})


@asynccontextmanager
async def open_field(place: Place, *templates: Template, has_orchestrator: bool = True) -> AsyncIterator[Field]:
    """Empty tables with these templates, and an orchestrator in this process. All processes end with it."""
    make_effects(place.effects)

    async def prepare(unit: Unit) -> None:
        await (await unit.session.connection()).run_sync(metadata.create_all)
        for template in templates:
            await register_template(unit, template)

    async with open_store(place, unit_limit=_READING) as store:
        await store.write("proof", prepare)
        field = Field(place, store)
        sweeping = [asyncio.create_task(sweep(store, place))] if has_orchestrator else []
        try:
            yield field
        finally:
            for task in sweeping:
                task.cancel()
            await asyncio.gather(*sweeping, return_exceptions=True)
            for process in field.processes.values():
                process.kill()
            for process in field.processes.values():
                process.join(30)


def place_of(folder: Path, database: str, bug: str = "") -> Place:
    """Where a proof runs unless it wants it otherwise."""
    return Place(database or str(folder / "proof.sqlite3"), str(folder / "effects.sqlite3"), (), LEASE, 5.0, bug=bug)


async def until(condition: Callable[[], Awaitable[Any]], awaited: str, seconds: float = PATIENCE) -> Any:
    """What the condition gives once that is true."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await condition()):  # noqa: ASYNC110 - the condition is in a database
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise TimeoutError(f"Not within {seconds:g} seconds: {awaited}.") from None
    return found


async def rest(field: Field, seconds: float) -> None:
    """Until nothing moves any more. What still moves after that many seconds is told as what it is: a violation."""
    with suppress(TimeoutError):
        await until(field.all_rest, "the end of all tasks", seconds)

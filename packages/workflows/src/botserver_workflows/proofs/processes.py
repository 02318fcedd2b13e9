"""Real worker processes that are killed, frozen and restarted while tasks run (W1, W4, W7, W14)."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress
from functools import partial
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from botlib import BotError, IdSource, SystemClock, SystemRandomness
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.proofs.checking import find_violations
from botserver_workflows.proofs.process import (
    DEADLY,
    WORK,
    Place,
    count_effects,
    make_effects,
    open_place,
    run_worker,
)
from botserver_workflows.request import TaskRequest
from botserver_workflows.states import TASK_ENDS, StepState, TaskState
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import dead_letters, fenced, metadata, steps, tasks, workers
from botserver_workflows.template import Backoff, RetryPolicy, StepTemplate, Template
from botserver_workflows.unit import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from botserver_workflows.unit import Unit

LEASE = 2.0
_LOOK = 0.02  # seconds between two looks at what is awaited
_PATIENCE = 100.0
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
_POISON = Template(
    "poison",
    "poison",
    "1.0.0",
    (StepTemplate("deadly", DEADLY, retry=RetryPolicy(max_attempts=3, backoff=Backoff.NONE)),),
    checksum="1",
)


class Report(NamedTuple):
    """What came of a proof: what should not be, and what happened how often."""

    violations: list[str]
    figures: dict[str, int]


def kill_workers(folder: Path, *, kills: int, runs: int, database: str = "", seed: int = 0, bug: str = "") -> Report:
    """W1: kill workers that hold steps, at random, until there were that many kills and all tasks have ended."""
    return asyncio.run(_kill_workers(_place(folder, database, bug), kills, runs, Random(seed)))  # noqa: S311 - repeatable


def freeze_workers(
    folder: Path, *, stops: int, database: str = "", seed: int = 0, bug: str = "", patience: float = 100.0
) -> Report:
    """W4: stop workers in the middle of a step until they are given up, and let them go on then.

    They do not hear that they were given up, so that they hand in what they have.
    """
    place = _place(folder, database, bug)._replace(is_deaf=True)
    return asyncio.run(_freeze_workers(place, stops, patience, Random(seed)))  # noqa: S311 - repeatable


def poison_workers(folder: Path, *, poisons: int, database: str = "") -> Report:
    """W7: steps that kill their process are parked after as many attempts as they have; others go on."""
    return asyncio.run(_poison_workers(_place(folder, database), poisons))


def restart_workers(
    folder: Path, *, restarts: int, runs: int, database: str = "", seed: int = 0, bug: str = ""
) -> Report:
    """W14: tell workers to stop, one after another, while tasks run."""
    place = _place(folder, database, bug)._replace(drain_seconds=0.0)  # so that steps are given back, too
    return asyncio.run(_restart_workers(place, restarts, runs, Random(seed)))  # noqa: S311 - repeatable


class _Field:
    """The tables of a proof, an orchestrator in this process, and workers in others."""

    def __init__(self, place: Place, store: Store) -> None:
        self.place = place
        self.store = store
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["botserver_workflows.proofs.process"])
        self.processes: dict[int, BaseProcess] = {}

    def start(self, *namespaces: str) -> int:
        """A new worker; returns the id of its process."""
        process = self._context.Process(
            target=run_worker, args=(self.place._replace(namespaces=namespaces),), daemon=True
        )
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
            raise AssertionError(f"The worker {pid} did not end.")

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
async def _field(place: Place, *templates: Template) -> AsyncIterator[_Field]:
    make_effects(place.effects)
    clock, randomness = SystemClock(), SystemRandomness()

    async def prepare(unit: Unit) -> None:
        await (await unit.session.connection()).run_sync(metadata.create_all)
        for template in templates:
            await register_template(unit, template)

    async with open_place(place) as opened:
        store = Store(opened, clock, IdSource(clock, randomness))
        await store.write("proof", prepare)
        field = _Field(place, store)
        sweeping = asyncio.create_task(_sweep(Orchestrator(store, clock, Doorbell())))
        try:
            yield field
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            for process in field.processes.values():
                process.kill()
            for process in field.processes.values():
                process.join(30)


def _place(folder: Path, database: str, bug: str = "") -> Place:
    return Place(database or str(folder / "proof.sqlite3"), str(folder / "effects.sqlite3"), (), LEASE, 5.0, bug=bug)


async def _sweep(orchestrator: Orchestrator) -> None:
    """Like the loops of an orchestrator, and ten times as often: leases are short here."""
    while True:
        with suppress(BotError):
            await orchestrator.bring_due()
            await orchestrator.sweep()
        await asyncio.sleep(0.3)


async def _until(condition: Callable[[], Awaitable[Any]], awaited: str, seconds: float = _PATIENCE) -> Any:
    try:
        async with asyncio.timeout(seconds):
            while not (found := await condition()):  # noqa: ASYNC110 - the condition is in a database
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        raise TimeoutError(f"Not within {seconds:g} seconds: {awaited}.") from None
    return found


async def _rest(field: _Field, seconds: float) -> None:
    """Until nothing moves any more. What still moves after that many seconds is told as what it is: a violation."""
    with suppress(TimeoutError):
        await _until(field.all_rest, "the end of all tasks", seconds)


async def _kill_workers(place: Place, kills: int, runs: int, die: Random) -> Report:
    async with _field(place, *SHAPES) as field:
        await field.submit(SHAPES, runs, seconds=0.05)
        for _ in range(4):
            field.start("proof")
        killed = 0
        while killed < kills and not await field.all_rest():
            holders = await field.holders()
            if holders:
                pid = die.choice(holders)
                field.signal(pid, signal.SIGKILL)
                await field.end(pid)
                field.start("proof")
                killed += 1
            await asyncio.sleep(die.uniform(0, 0.1))
        await _rest(field, _PATIENCE + runs / 5)
        return await field.report(kills=killed)


async def _freeze_workers(place: Place, stops: int, patience: float, die: Random) -> Report:
    async with _field(place, *SHAPES) as field:
        for _ in range(3):
            field.start("proof")
        stopped = 0
        while stopped < stops:
            await field.submit(SHAPES, 3, seconds=0.3)
            pid = die.choice(await _until(partial(_replace_deaf, field), "a worker that holds steps"))
            refused = await field.refused()
            field.signal(pid, signal.SIGSTOP)
            try:
                # A stop counts when the worker still held steps then.
                is_effective = pid in await field.holders() and await _is_given_up(field, pid)
            finally:
                field.signal(pid, signal.SIGCONT)
            stopped += is_effective
            if is_effective:
                with suppress(TimeoutError):
                    await _until(partial(_is_more, field, refused), "what it hands in", 3.0)
            field.signal(pid, signal.SIGKILL)
            await field.end(pid)
            field.start("proof")
        await _rest(field, patience + stops)
        return await field.report(stops=stopped)


async def _replace_deaf(field: _Field) -> list[int]:
    """The processes that hold steps. One that was given up unstopped does not know it, and is replaced."""
    holders = await field.holders()
    rows = await field.store.read(lambda unit: unit.session.execute(select(workers.c.pid, workers.c.state)))
    for pid, state in rows:
        if state == "dead" and pid in field.processes:
            field.signal(pid, signal.SIGKILL)
            await field.end(pid)
            field.start("proof")
    return [pid for pid in holders if pid in field.processes]


async def _is_more(field: _Field, refused: int) -> bool:
    return await field.refused() > refused


async def _is_given_up(field: _Field, pid: int) -> bool:
    """Whether the others gave it up. One that was stopped within a unit of work may hold all others up on SQLite."""
    is_live = select(workers.c.id).where(workers.c.pid == pid, workers.c.state == "live")

    async def is_dead() -> bool:
        return await field.scalar(is_live) is None

    try:
        await _until(is_dead, "the end of a lease", 3 * LEASE)
    except (TimeoutError, BotError):
        return False
    await asyncio.sleep(1)  # the others take over what it held
    return True


async def _poison_workers(place: Place, poisons: int) -> Report:
    async with _field(place, *SHAPES, _POISON) as field:
        await field.submit([_POISON], poisons)
        await field.submit(SHAPES, 20)
        field.start("proof")
        deaths = 0

        async def bury() -> bool:
            nonlocal deaths
            for pid, process in tuple(field.processes.items()):
                if process.exitcode is not None:
                    await field.end(pid)
                    deaths += 1
            if len(field.processes) == 1:
                field.start("poison")
            return await field.all_rest()

        await _until(bury, "the end of all tasks")
        report = await field.report(deaths=deaths)
        parked = await field.scalar(select(func.count()).where(dead_letters.c.reason == "worker_unavailable"))
        rows = await field.store.read(
            lambda unit: unit.session.execute(select(steps.c.state, steps.c.attempts).where(steps.c.name == "deadly"))
        )
        wrong = [tuple(row) for row in rows if tuple(row) != ("error", 3)]
        if wrong or parked != poisons:
            report.violations.append(f"of {poisons} deadly steps {parked} are parked, and these are wrong: {wrong}")
        return report


async def _restart_workers(place: Place, restarts: int, runs: int, die: Random) -> Report:
    async with _field(place, *SHAPES) as field:
        await field.submit(SHAPES, runs, seconds=0.05)
        for _ in range(3):
            field.start("proof")
        restarted = 0
        while restarted < restarts:
            if await field.all_rest():
                await field.submit(SHAPES, runs, seconds=0.05)
            holders = await field.holders()
            if holders:
                pid = die.choice(holders)
                field.signal(pid, signal.SIGTERM)
                await field.end(pid)
                field.start("proof")
                restarted += 1
            await asyncio.sleep(_LOOK)
        await _rest(field, _PATIENCE)
        report = await field.report(restarts=restarted)
        spent = await field.scalar(select(func.sum(steps.c.attempts - steps.c.released)))
        if spent != report.figures["steps"]:
            report.violations.append(f"{report.figures['steps']} steps cost {spent} attempts")
        return report

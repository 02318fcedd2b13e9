"""Real worker processes that are killed, frozen and restarted while tasks run (W1, W4, W7, W14)."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from botlib import BotError
from botserver_workflows.proofs.field import LEASE, LOOK, PATIENCE, SHAPES, open_field, place_of, rest, until
from botserver_workflows.proofs.process import DEADLY
from botserver_workflows.tables import dead_letters, steps, workers
from botserver_workflows.template import Backoff, RetryPolicy, StepTemplate, Template

if TYPE_CHECKING:
    from pathlib import Path

    from botserver_workflows.proofs.field import Field, Report
    from botserver_workflows.proofs.process import Place

_POISON = Template(
    "poison",
    "poison",
    "1.0.0",
    (StepTemplate("deadly", DEADLY, retry=RetryPolicy(max_attempts=3, backoff=Backoff.NONE)),),
    checksum="1",
)


def kill_workers(
    folder: Path, *, kills: int, runs: int, database: str = "", seed: int = 0, bug: str = "", engine: str = "local"
) -> Report:
    """W1: kill workers that hold steps, at random, until there were that many kills and all tasks have ended."""
    place = place_of(folder, database, bug)._replace(engine=engine)
    return asyncio.run(_kill_workers(place, kills, runs, Random(seed)))  # noqa: S311 - repeatable


def freeze_workers(
    folder: Path, *, stops: int, database: str = "", seed: int = 0, bug: str = "", patience: float = 100.0
) -> Report:
    """W4: stop workers in the middle of a step until they are given up, and let them go on then.

    They do not hear that they were given up, so that they hand in what they have.
    """
    place = place_of(folder, database, bug)._replace(is_deaf=True)
    return asyncio.run(_freeze_workers(place, stops, patience, Random(seed)))  # noqa: S311 - repeatable


def poison_workers(folder: Path, *, poisons: int, database: str = "") -> Report:
    """W7: steps that kill their process are parked after as many attempts as they have; others go on."""
    return asyncio.run(_poison_workers(place_of(folder, database), poisons))


def restart_workers(
    folder: Path, *, restarts: int, runs: int, database: str = "", seed: int = 0, bug: str = ""
) -> Report:
    """W14: tell workers to stop, one after another, while tasks run."""
    place = place_of(folder, database, bug)._replace(drain_seconds=0.0)  # so that steps are given back, too
    return asyncio.run(_restart_workers(place, restarts, runs, Random(seed)))  # noqa: S311 - repeatable


async def _kill_workers(place: Place, kills: int, runs: int, die: Random) -> Report:
    async with open_field(place, *SHAPES) as field:
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
        await rest(field, PATIENCE + runs / 5)
        return await field.report(kills=killed)


async def _freeze_workers(place: Place, stops: int, patience: float, die: Random) -> Report:
    async with open_field(place, *SHAPES) as field:
        for _ in range(3):
            field.start("proof")
        stopped = 0
        while stopped < stops:
            await field.submit(SHAPES, 3, seconds=0.3)
            pid = die.choice(await until(partial(_replace_deaf, field), "a worker that holds steps"))
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
                    await until(partial(_is_more, field, refused), "what it hands in", 3.0)
            field.signal(pid, signal.SIGKILL)
            await field.end(pid)
            field.start("proof")
        await rest(field, patience + stops)
        return await field.report(stops=stopped)


async def _replace_deaf(field: Field) -> list[int]:
    """The processes that hold steps. One that was given up unstopped does not know it, and is replaced."""
    holders = await field.holders()
    rows = await field.store.read(lambda unit: unit.session.execute(select(workers.c.pid, workers.c.state)))
    for pid, state in rows:
        if state == "dead" and pid in field.processes:
            field.signal(pid, signal.SIGKILL)
            await field.end(pid)
            field.start("proof")
    return [pid for pid in holders if pid in field.processes]


async def _is_more(field: Field, refused: int) -> bool:
    return await field.refused() > refused


async def _is_given_up(field: Field, pid: int) -> bool:
    """Whether the others gave it up. One that was stopped within a unit of work may hold all others up on SQLite."""
    is_live = select(workers.c.id).where(workers.c.pid == pid, workers.c.state == "live")

    async def is_dead() -> bool:
        return await field.scalar(is_live) is None

    try:
        await until(is_dead, "the end of a lease", 3 * LEASE)
    except (TimeoutError, BotError):
        return False
    await asyncio.sleep(1)  # the others take over what it held
    return True


async def _poison_workers(place: Place, poisons: int) -> Report:
    async with open_field(place, *SHAPES, _POISON) as field:
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

        await until(bury, "the end of all tasks")
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
    async with open_field(place, *SHAPES) as field:
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
            await asyncio.sleep(LOOK)
        await rest(field, PATIENCE)
        report = await field.report(restarts=restarted)
        spent = await field.scalar(select(func.sum(steps.c.attempts - steps.c.released)))
        if spent != report.figures["steps"]:
            report.violations.append(f"{report.figures['steps']} steps cost {spent} attempts")
        return report

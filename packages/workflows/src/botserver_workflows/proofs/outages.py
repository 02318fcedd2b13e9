"""A database that goes away at once and comes back, again and again, while tasks are asked for and run (W2)."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from botlib import UnavailableError
from botserver_workflows.proofs.field import LOOK, SHAPES, open_field, place_of, rest, until
from botserver_workflows.request import TaskRequest
from botserver_workflows.states import TaskState
from botserver_workflows.submitting import submit_once
from botserver_workflows.tables import steps, tasks, workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from botserver_workflows.proofs.field import Field, Report
    from botserver_workflows.proofs.process import Place

#: That of a server which nobody has set up otherwise: outages are shorter.
_LEASE = 30.0
_PROCESSES = 4
#: Tasks that are asked for at a time, as soon as fewer than that are open.
_BATCH = 20


def outlive_outages(
    folder: Path,
    *,
    stops: int,
    runs: int,
    database: str,
    stop: Callable[[], None],
    start: Callable[[], None],
    longest: float = 5.0,
    patience: float = 100.0,
    seed: int = 0,
    bug: str = "",
) -> Report:
    """W2: `stop` the server of the database, and `start` it after up to `longest` seconds, that many times.

    At least that many tasks are asked for, by somebody who asks again with the same key when there was no answer.
    """
    place = place_of(folder, database, bug)._replace(lease_seconds=_LEASE)
    switches = (stop, start)
    die = Random(seed)  # noqa: S311 - repeatable
    return asyncio.run(_outlive_outages(place, stops, runs, switches, longest, patience, die))


async def _outlive_outages(
    place: Place,
    stops: int,
    runs: int,
    switches: tuple[Callable[[], None], Callable[[], None]],
    longest: float,
    patience: float,
    die: Random,
) -> Report:
    async with open_field(place, *SHAPES) as field:
        for _ in range(_PROCESSES):
            field.start("proof")
        lives = select(func.count()).select_from(workers)

        async def are_here() -> bool:
            return bool(await field.scalar(lives) == _PROCESSES)

        await until(are_here, "the workers")
        over = asyncio.Event()
        asking = asyncio.create_task(_ask(field, runs, over))
        try:
            for _ in range(stops):
                await asyncio.sleep(die.uniform(0.2, 1.6) * longest)
                await asyncio.to_thread(switches[0])
                await asyncio.sleep(die.uniform(0, longest))
                await asyncio.to_thread(switches[1])
        finally:
            over.set()
            turned_away = await asking
        await rest(field, patience)
        report = await field.report(stops=stops, **{"requests asked again": turned_away})
        spent = await field.scalar(select(func.sum(steps.c.attempts - steps.c.released)))
        report.figures["tasks"] = await field.scalar(select(func.count()).select_from(tasks))
        if spent != report.figures["steps"]:
            report.violations.append(f"{report.figures['steps']} steps cost {spent} attempts")
        if (found := await field.scalar(lives)) != _PROCESSES:
            report.violations.append(f"{_PROCESSES} workers needed {found} lives")
        if ended := [pid for pid, process in field.processes.items() if process.exitcode is not None]:
            report.violations.append(f"these processes ended: {ended}")
        return report


async def _ask(field: Field, runs: int, over: asyncio.Event) -> int:
    """Keep some tasks open, until it is over and there were enough. Returns how often a request was made again.

    Any other answer than that the database is not there breaks the proof.
    """
    open_ones = select(func.count()).where(tasks.c.state == TaskState.STEPS_IN_PROCESS.value)
    again = 0

    async def insist(work: Callable[[], Any]) -> Any:
        nonlocal again
        while True:
            try:
                return await work()
            except UnavailableError:
                again += 1
                await asyncio.sleep(LOOK)

    for number in count():
        if number % _BATCH == 0:
            if number >= runs and over.is_set():
                return again
            while not over.is_set() and await insist(partial(field.scalar, open_ones)) >= _BATCH:  # noqa: ASYNC110 - it is in a table
                await asyncio.sleep(LOOK)
        template = SHAPES[number % len(SHAPES)]
        request = TaskRequest(
            template.namespace, template.name, context={"seconds": 0.05}, idempotency_key=f"key {number}"
        )
        await insist(partial(submit_once, field.store, request))
    raise AssertionError("numbers do not end")

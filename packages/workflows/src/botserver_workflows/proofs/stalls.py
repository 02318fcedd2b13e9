"""Steps that are many leases long, in workers that are stalled again and again for less than a lease (W5)."""

from __future__ import annotations

import asyncio
import signal
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from botserver_workflows.proofs.field import PATIENCE, open_field, place_of, rest
from botserver_workflows.proofs.process import WORK
from botserver_workflows.tables import steps
from botserver_workflows.template import Backoff, RetryPolicy, StepTemplate, Template

if TYPE_CHECKING:
    from pathlib import Path

    from botserver_workflows.proofs.field import Report
    from botserver_workflows.proofs.process import Place

#: How long a step takes, in leases.
_LENGTH = 10
_WORKERS = 4


def stall_workers(
    folder: Path,
    *,
    count: int,
    slots: int = 250,
    database: str = "",
    lease: float = 6.0,
    longest: float = 0.5,
    seed: int = 0,
    bug: str = "",
) -> Report:
    """W5: run that many long steps, and stall one worker after the other. No step is taken from its worker.

    A stall takes up to `longest` leases. With the third of a lease after which a beat is due, that is less than one.
    """
    place = place_of(folder, database, bug)._replace(lease_seconds=lease, slots=slots)
    return asyncio.run(_stall_workers(place, count, lease * longest, Random(seed)))  # noqa: S311 - repeatable


async def _stall_workers(place: Place, count: int, longest: float, die: Random) -> Report:
    lease = place.lease_seconds
    retry = RetryPolicy(max_attempts=1_000, backoff=Backoff.NONE)
    long = StepTemplate("long", WORK, retry=retry, timeout_seconds=lease * _LENGTH * 10)
    template = Template("proof", "long", "1.0.0", (long,), checksum="long")
    rescued = select(func.count()).where(steps.c.attempts > 1)
    async with open_field(place, template) as field:
        for _ in range(_WORKERS):
            field.start("proof")
        await field.submit([template], count, seconds=lease * _LENGTH)
        stalls = 0
        while not await field.all_rest() and await field.scalar(rescued) == 0:
            pid = die.choice(list(field.processes))
            field.signal(pid, signal.SIGSTOP)
            await asyncio.sleep(die.uniform(0, longest))
            field.signal(pid, signal.SIGCONT)
            # One that was stalled while it wrote may have held up the beats of the others.
            await asyncio.sleep(die.uniform(lease / 4, lease / 2))
            stalls += 1
        wrong = await field.scalar(rescued)
        if wrong == 0:
            await rest(field, PATIENCE)
        report = await field.report(stalls=stalls)
        if wrong:
            report.violations.append(f"{wrong} steps were taken from workers that live")
        return report

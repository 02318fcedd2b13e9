"""Orchestrators that are killed while they sweep, with the workers whose steps they are to give to others (W3)."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, text

from botserver_workflows.proofs.field import SHAPES, open_field, place_of, rest, until
from botserver_workflows.proofs.process import run_orchestrator
from botserver_workflows.states import StepState
from botserver_workflows.tables import steps, transitions, workers

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from botserver_workflows.proofs.field import Field, Report
    from botserver_workflows.proofs.process import Place

_REPLICAS = 3
_WORKERS = 4


class _Lost(NamedTuple):
    """An attempt that was in the hands of a worker when that was killed."""

    step_id: UUID
    dispatch: int
    at: datetime


def kill_orchestrators(
    folder: Path,
    *,
    kills: int,
    runs: int,
    database: str = "",
    lease: float = 5.0,
    patience: float = 100.0,
    seed: int = 0,
    bug: str = "",
) -> Report:
    """W3: kill one of three orchestrators, and a worker that holds steps, that many times.

    No attempt is given out twice, and what a dead worker held is taken over within two leases.
    """
    place = place_of(folder, database, bug)._replace(lease_seconds=lease)
    if bug == "slow sweep":
        place = place._replace(sweep_seconds=lease * 4)
    return asyncio.run(_kill_orchestrators(place, kills, runs, patience, Random(seed)))  # noqa: S311 - repeatable


async def _kill_orchestrators(place: Place, kills: int, runs: int, patience: float, die: Random) -> Report:
    async with open_field(place, *SHAPES, has_orchestrator=False) as field:
        if place.bug == "rescue unasked":
            drop = text("DROP INDEX workflows_transition_once")
            await field.store.write("proof", lambda unit: unit.session.execute(drop))
        replicas = [field.start(run=run_orchestrator) for _ in range(_REPLICAS)]
        for _ in range(_WORKERS):
            field.start("proof")
        lost: list[_Lost] = []
        for _ in range(kills):
            if await field.all_rest():
                await field.submit(SHAPES, runs, seconds=0.05)
            worker = die.choice(await until(field.holders, "a worker that holds steps"))
            lost += await _kill_worker(field, worker)
            await asyncio.sleep(die.uniform(0, 2 * place.lease_seconds) / _REPLICAS)
            replica = replicas.pop(die.randrange(_REPLICAS))
            field.signal(replica, signal.SIGKILL)
            await field.end(replica)
            replicas.append(field.start(run=run_orchestrator))
        await rest(field, patience)
        report = await field.report(kills=kills)
        taken = [await _taken_after(field, it) for it in lost]
        seconds = [it for it in taken if it is not None]
        report.figures["attempts taken over"] = len(seconds)
        report.figures["ms until the last of them was"] = round(max(seconds, default=0) * 1_000)
        report.violations.extend(
            f"an attempt was taken over {it:.2f} s after its worker was killed; a lease is {place.lease_seconds:g} s"
            for it in seconds
            if it > 2 * place.lease_seconds
        )
        return report


async def _kill_worker(field: Field, pid: int) -> list[_Lost]:
    field.signal(pid, signal.SIGKILL)
    await field.end(pid)
    at = datetime.now(UTC)
    held = select(steps.c.id, steps.c.dispatch).join(workers, workers.c.id == steps.c.worker_id)
    held = held.where(workers.c.pid == pid, steps.c.state == StepState.IN_PROGRESS.value)
    rows = await field.store.read(lambda unit: unit.session.execute(held))
    field.start("proof")
    return [_Lost(row.id, row.dispatch, at) for row in rows]


async def _taken_after(field: Field, lost: _Lost) -> float | None:
    """Seconds from the death of a worker until its attempt was given to others."""
    given = select(transitions.c.at).where(
        transitions.c.subject_id == lost.step_id,
        transitions.c.dispatch == lost.dispatch + 1,
        transitions.c.to_state == StepState.ENQUEUED.value,
    )
    at: datetime | None = await field.scalar(given.order_by(transitions.c.at).limit(1))
    return None if at is None else (at - lost.at).total_seconds()

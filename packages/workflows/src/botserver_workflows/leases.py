"""Which workers there are. Each proves by a heartbeat that it lives; one whose lease has run out is dead for good.

A worker that is told so must stop and come back under a new id: what it holds is being done by others.
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, insert, select, update

from botserver_workflows.advancing import lock_tasks
from botserver_workflows.claiming import is_live
from botserver_workflows.states import StepState
from botserver_workflows.tables import steps, workers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from botserver_workflows.unit import Unit


class Worker(NamedTuple):
    """One process that runs steps, or ran them."""

    id: UUID
    name: str
    namespaces: list[str]
    handlers: list[str]
    host: str
    pid: int
    version: str
    state: str
    started_at: datetime
    lease_until: datetime


async def register_worker(
    unit: Unit, name: str, namespaces: Sequence[str], handlers: Sequence[str], version: str, lease_seconds: float
) -> UUID:
    """A new life of a worker; returns the id of this life."""
    worker_id = unit.ids.new_id()
    await unit.session.execute(
        insert(workers).values(
            id=worker_id,
            name=name,
            namespaces=list(namespaces),
            handlers=list(handlers),
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version,
            state="live",
            started_at=unit.now,
            lease_until=unit.now + timedelta(seconds=lease_seconds),
        )
    )
    return worker_id


async def renew_lease(unit: Unit, worker_id: UUID, lease_seconds: float) -> bool:
    """Live on for that long from now. False when this life was given up: stop."""
    renewed = await unit.session.execute(
        update(workers)
        .where(workers.c.id == worker_id, workers.c.state != "dead", workers.c.lease_until > unit.now)
        .values(lease_until=unit.now + timedelta(seconds=lease_seconds))
        .returning(workers.c.id)
    )
    return renewed.one_or_none() is not None


async def has_lease(unit: Unit, worker_id: UUID) -> bool:
    """Whether this life may still act."""
    return bool(await unit.session.scalar(select(is_live(worker_id, unit.now))))


async def live_workers(unit: Unit) -> list[UUID]:
    """The lives that have not been given up."""
    return list((await unit.session.execute(select(workers.c.id).where(workers.c.state != "dead"))).scalars())


async def end_worker(unit: Unit, worker_id: UUID) -> int:
    """A worker stops by its own will: what it holds goes back to the others and costs no attempt. Returns how many."""
    is_held = and_(steps.c.worker_id == worker_id, steps.c.state == StepState.IN_PROGRESS.value)
    task_ids = set((await unit.session.execute(select(steps.c.task_id).where(is_held))).scalars())
    await lock_tasks(unit, task_ids)
    held = (await unit.session.execute(select(steps.c.id, steps.c.dispatch).where(is_held))).all()
    for row in held:
        unit.note("step", row.id, (StepState.IN_PROGRESS, StepState.ENQUEUED), dispatch=row.dispatch + 1)
    if held:
        await unit.session.execute(
            update(steps)
            .where(steps.c.id.in_([row.id for row in held]))
            .values(
                state=StepState.ENQUEUED.value,
                dispatch=steps.c.dispatch + 1,
                released=steps.c.released + 1,
                claim_token=None,
                worker_id=None,
                enqueued_at=unit.now,
                updated_at=unit.now,
            )
        )
    await unit.session.execute(update(workers).where(workers.c.id == worker_id).values(state="dead"))
    return len(held)


async def list_workers(unit: Unit) -> list[Worker]:
    """Every life that is known, the newest first."""
    columns = [workers.c[name] for name in Worker._fields]
    rows = await unit.session.execute(select(*columns).order_by(workers.c.id.desc()))
    return [Worker(*row) for row in rows]

"""Mistakes that proofs must find. A process of a proof makes the one that its place names."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from botserver_workflows import completing, worker
from botserver_workflows.leases import renew_lease
from botserver_workflows.states import StepState
from botserver_workflows.sweeping import bury_workers
from botserver_workflows.tables import steps, workers

if TYPE_CHECKING:
    from types import ModuleType
    from uuid import UUID

    from botserver_workflows.attempt import Claim
    from botserver_workflows.unit import Store, Unit

_beats = count(1)


def plant_bug(name: str) -> None:
    """Make this mistake from now on; none of these names is none."""
    if name in _BUGS:
        module, attribute, replacement = _BUGS[name]
        setattr(module, attribute, replacement)


async def renew_unheard(unit: Unit, worker_id: UUID, lease_seconds: float) -> bool:
    """Like `renew_lease`, for a worker that is not to hear that it was given up. No mistake of its own."""
    await renew_lease(unit, worker_id, lease_seconds)
    return True


async def rescue_unasked(store: Store) -> None:
    """What a sweep would be that looks, and later acts upon what it saw without looking again."""
    await store.write("proof", bury_workers)
    query = select(steps.c.id, steps.c.dispatch).join(workers, workers.c.id == steps.c.worker_id)
    query = query.where(steps.c.state == StepState.IN_PROGRESS.value, workers.c.state == "dead")
    seen = list(await store.read(lambda unit: unit.session.execute(query)))
    if seen:
        await asyncio.sleep(1.0)  # the others look, too
    for row in seen:
        await store.write("proof", partial(_enqueue_unasked, row=row))


async def _enqueue_unasked(unit: Unit, row: Any) -> None:
    unit.note("step", row.id, (StepState.IN_PROGRESS, StepState.ENQUEUED), dispatch=row.dispatch + 1)
    changes = {"state": StepState.ENQUEUED.value, "dispatch": row.dispatch + 1, "worker_id": None, "claim_token": None}
    await unit.session.execute(update(steps).where(steps.c.id == row.id).values(enqueued_at=unit.now, **changes))


async def _end_unasked(unit: Unit, _worker_id: UUID, claim: Claim, **changes: Any) -> bool:
    await unit.session.execute(update(steps).where(steps.c.id == claim.step_id).values(**changes))
    return True


async def _keep_all(_unit: Unit, _worker_id: UUID) -> int:
    return 0


async def _renew_seldom(unit: Unit, worker_id: UUID, lease_seconds: float) -> bool:
    return bool(next(_beats) % 3) or await renew_lease(unit, worker_id, lease_seconds)


class _NeverRaised(Exception):  # noqa: N818 - nobody sees it
    pass


#: A result is stored without asking; a worker that stops gives nothing back; one beats once a lease; one does not bear
#: that the database is away.
_BUGS: dict[str, tuple[ModuleType, str, Any]] = {
    "no fence": (completing, "_end", _end_unasked),
    "no release": (worker, "end_worker", _keep_all),
    "seldom beat": (worker, "renew_lease", _renew_seldom),
    "no patience": (worker, "BotError", _NeverRaised),
}

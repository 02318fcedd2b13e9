"""What nobody needs any more goes: tasks that ended long ago, and workers that died long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select

from botserver_workflows.deadletters import Resolution
from botserver_workflows.states import TASK_ENDS
from botserver_workflows.tables import dead_letters, fenced, steps, tasks, transitions, workers

if TYPE_CHECKING:
    from botserver_workflows.unit import Unit

_KEEP_WORKERS = timedelta(days=1)
_ENDED = tuple(state.value for state in TASK_ENDS)


async def forget_tasks(unit: Unit, keep_days: float, limit: int = 200) -> int:
    """Delete tasks that ended that long ago with all that belongs to them, and return how many.

    One whose dead letter is still open stays. With a task its idempotency key is forgotten.
    """
    is_open = exists().where(
        dead_letters.c.task_id == tasks.c.id, dead_letters.c.resolution == Resolution.PENDING.value
    )
    old = (
        select(tasks.c.id)
        .where(tasks.c.state.in_(_ENDED), tasks.c.completed_at <= unit.now - timedelta(days=keep_days), ~is_open)
        .order_by(tasks.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    task_ids = list((await unit.session.execute(old)).scalars())
    if not task_ids:
        return 0
    step_ids = list((await unit.session.execute(select(steps.c.id).where(steps.c.task_id.in_(task_ids)))).scalars())
    await unit.session.execute(delete(transitions).where(transitions.c.subject_id.in_([*task_ids, *step_ids])))
    await unit.session.execute(delete(fenced).where(fenced.c.step_id.in_(step_ids)))
    await unit.session.execute(delete(tasks).where(tasks.c.id.in_(task_ids)))  # steps, edges and letters go with them
    return len(task_ids)


async def forget_workers(unit: Unit) -> int:
    """Delete lives that ended a day ago and hold no step any more, and return how many."""
    holds = exists().where(steps.c.worker_id == workers.c.id, steps.c.state == "in_progress")
    gone = await unit.session.execute(
        delete(workers)
        .where(workers.c.state == "dead", workers.c.lease_until <= unit.now - _KEEP_WORKERS, ~holds)
        .returning(workers.c.id)
    )
    return len(gone.all())

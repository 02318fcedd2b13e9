"""What has to happen by itself: retries come due, and steps of workers that died, or that take too long, go on.

Any number of processes may sweep at once. What one of them has locked the others pass over.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select, update

from botserver_workflows.advancing import lock_task, lock_tasks, settle_task
from botserver_workflows.attempt import Failure, describe_failure
from botserver_workflows.deadletters import DeadLetterReason, put_aside
from botserver_workflows.readiness import StepFacts, may_try_again
from botserver_workflows.states import StepState, TaskState, task_path
from botserver_workflows.tables import steps, tasks, workers

if TYPE_CHECKING:
    from uuid import UUID

    from botserver_workflows.unit import Unit

#: Seconds that a step may take longer than its time-out before it is taken away: its worker ends it by itself first.
OVERTIME = 5.0


async def bring_retries_due(unit: Unit, limit: int = 200) -> int:
    """Enqueue steps whose pause is over, and return how many. Those of tasks that others have locked come later."""
    is_due = and_(steps.c.state == StepState.WAITING_FOR_RETRY.value, steps.c.next_retry_at <= unit.now)
    found = await unit.session.execute(
        select(steps.c.task_id).where(is_due).order_by(steps.c.next_retry_at).limit(limit)
    )
    task_ids = set(found.scalars())
    if not task_ids:
        return 0
    locked = await lock_tasks(unit, task_ids, skip_locked=True)
    due = (
        await unit.session.execute(
            select(steps.c.id, steps.c.task_id, steps.c.dispatch).where(is_due, steps.c.task_id.in_(locked))
        )
    ).all()
    if not due:
        return 0
    for row in due:
        path = (StepState.WAITING_FOR_RETRY, StepState.PENDING, StepState.ENQUEUED)
        unit.note("step", row.id, path, dispatch=row.dispatch + 1)
    await _enqueue(unit, [row.id for row in due])
    waiting = await unit.session.execute(
        update(tasks)
        .where(tasks.c.id.in_({row.task_id for row in due}), tasks.c.state == TaskState.WAITING_FOR_RETRY.value)
        .values(state=TaskState.STEPS_IN_PROCESS.value, state_since=unit.now, updated_at=unit.now)
        .returning(tasks.c.id)
    )
    path_of_task = task_path(TaskState.WAITING_FOR_RETRY, TaskState.STEPS_IN_PROCESS)
    for row in waiting:
        unit.note("task", row.id, (TaskState.WAITING_FOR_RETRY, *path_of_task))
    return len(due)


async def bury_workers(unit: Unit) -> int:
    """Give up the workers whose lease is over, and return how many."""
    buried = await unit.session.execute(
        update(workers)
        .where(
            workers.c.id.in_(
                select(workers.c.id)
                .where(workers.c.state != "dead", workers.c.lease_until <= unit.now)
                .with_for_update(skip_locked=True)
                .scalar_subquery()
            )
        )
        .values(state="dead")
        .returning(workers.c.id)
    )
    return len(buried.all())


async def find_stranded(unit: Unit, limit: int = 200) -> list[UUID]:
    """Tasks with steps that nobody works on any more: their worker is dead, or they take longer than they may."""
    rows = await unit.session.execute(
        select(steps.c.task_id, steps.c.started_at, steps.c.timeout_seconds, workers.c.state)
        .join(workers, workers.c.id == steps.c.worker_id)
        .where(steps.c.state == StepState.IN_PROGRESS.value)
    )
    late = (row.task_id for row in rows if row.state == "dead" or _is_late(unit, row))
    return list(dict.fromkeys(late))[:limit]


async def rescue_steps(unit: Unit, task_id: UUID) -> int:
    """Take the stranded steps of one task away from whoever had them, and return how many.

    An attempt is made anew while the step has attempts left; else the step is in error, and a person has to look at it.
    A task that others have locked is theirs.
    """
    if not await lock_tasks(unit, [task_id], skip_locked=True):
        return 0
    task = await lock_task(unit, task_id)
    assert task is not None
    rows = await unit.session.execute(
        select(
            steps.c.id,
            steps.c.name,
            steps.c.dispatch,
            steps.c.attempts,
            steps.c.released,
            steps.c.max_attempts,
            steps.c.retryable,
            steps.c.started_at,
            steps.c.timeout_seconds,
            workers.c.state,
        )
        .join(workers, workers.c.id == steps.c.worker_id)
        .where(steps.c.task_id == task_id, steps.c.state == StepState.IN_PROGRESS.value)
    )
    stranded = [row for row in rows if row.state == "dead" or _is_late(unit, row)]
    lost = [row for row in stranded if not _may_go_on(row)]
    again = [row for row in stranded if _may_go_on(row)]
    for row in again:
        details = {"reason": "its worker died" if row.state == "dead" else "it took too long"}
        path = (StepState.IN_PROGRESS, StepState.ENQUEUED)
        unit.note("step", row.id, path, dispatch=row.dispatch + 1, details=details)
    if again:
        await _enqueue(unit, [row.id for row in again])
    for row in lost:
        await _give_up(unit, row)
    if lost:
        task = task._replace(open_steps=task.open_steps - len(lost), failed_steps=task.failed_steps + len(lost))
        await settle_task(unit, task, enqueued=bool(again))
        await put_aside(unit, task_id, DeadLetterReason.WORKER_UNAVAILABLE, task.state)
    return len(stranded)


async def _enqueue(unit: Unit, step_ids: list[UUID]) -> None:
    await unit.session.execute(
        update(steps)
        .where(steps.c.id.in_(step_ids))
        .values(
            state=StepState.ENQUEUED.value,
            dispatch=steps.c.dispatch + 1,
            claim_token=None,
            worker_id=None,
            enqueued_at=unit.now,
            updated_at=unit.now,
        )
    )


async def _give_up(unit: Unit, row: Any) -> None:
    failure = Failure("Its worker died or took too long, and it has no attempt left.", "WORKER_UNAVAILABLE")
    path = (StepState.IN_PROGRESS, StepState.ENQUEUED_AS_ERROR_FOR_ORCHESTRATION, StepState.ERROR)
    unit.note("step", row.id, path, dispatch=row.dispatch + 1, details={"error": failure.message})
    await unit.session.execute(
        update(steps)
        .where(steps.c.id == row.id)
        .values(
            state=StepState.ERROR.value,
            dispatch=steps.c.dispatch + 1,
            claim_token=None,
            result=describe_failure(row.id, failure),
            last_failure_at=unit.now,
            updated_at=unit.now,
        )
    )


def _is_late(unit: Unit, row: Any) -> bool:
    return bool(row.started_at + timedelta(seconds=row.timeout_seconds + OVERTIME) <= unit.now)


def _may_go_on(row: Any) -> bool:
    return may_try_again(
        StepFacts(StepState.ERROR, row.attempts, row.released, row.max_attempts, row.retryable, 0, None)
    )

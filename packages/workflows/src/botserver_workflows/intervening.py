"""What a person may do: cancel a task, and reset, resolve or complete a step. Whoever ran it then is fenced off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select, update

from botserver_workflows.advancing import follow_decision, is_open, let_children_move_up, lock_task, settle_task
from botserver_workflows.attempt import Success, describe_success
from botserver_workflows.closing import close_task
from botserver_workflows.decision import read_decision
from botserver_workflows.errors import ForbiddenTransitionError, UnknownTaskError
from botserver_workflows.states import (
    SATISFYING,
    TASK_ENDS,
    StepState,
    TaskState,
    check_step_transition,
)
from botserver_workflows.tables import steps
from botserver_workflows.template import StepType

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row

    from botserver_workflows.advancing import LockedTask
    from botserver_workflows.unit import Unit

#: A task in one of these does not go on, whatever happens to its steps.
_CLOSED = TASK_ENDS - {TaskState.ERROR}


async def cancel_task(unit: Unit, task_id: UUID, reason: str = "") -> None:
    """Cancel the task and all of its steps that have not ended. `ForbiddenTransitionError` when it has ended itself."""
    task = await _lock(unit, task_id)
    if task.state in TASK_ENDS:
        ended = "completed" if task.state is TaskState.COMPLETE else task.state.value
        raise ForbiddenTransitionError("task", task.state, TaskState.CANCELLED, f"Cannot cancel a {ended} task")
    await close_task(unit, task, TaskState.CANCELLED, reason)


async def reset_step(unit: Unit, task_id: UUID, step_id: UUID, *, reason: str) -> None:
    """A step that is in error begins anew, with all of its attempts."""
    task, step = await _lock(unit, task_id), await _find(unit, task_id, step_id)
    check_step_transition(StepState(step.state), StepState.PENDING)
    if task.state in _CLOSED:
        raise ForbiddenTransitionError("task", task.state, TaskState.STEPS_IN_PROCESS)
    retry = (await unit.template(task.template_id)).by_name[step.name].retry
    ready = step.remaining_parents == 0
    path = (step.state, StepState.PENDING, *([StepState.ENQUEUED] if ready else []))
    unit.note("step", step_id, path, dispatch=step.dispatch + 1, details={"reason": reason})
    await _change(
        unit,
        step_id,
        state=(StepState.ENQUEUED if ready else StepState.PENDING).value,
        attempts=0,
        released=0,
        retryable=retry.retryable,
        next_retry_at=None,
        backoff_request_seconds=None,
        enqueued_at=unit.now if ready else None,
    )
    task = task._replace(open_steps=task.open_steps + 1, failed_steps=task.failed_steps - 1)
    await settle_task(unit, task, enqueued=ready)


async def resolve_step(unit: Unit, task_id: UUID, step_id: UUID, *, reason: str) -> None:
    """The step is done as far as others are concerned, without a result."""
    task, step = await _lock(unit, task_id), await _find(unit, task_id, step_id)
    await _satisfy(unit, task, step, StepState.RESOLVED_MANUALLY, {"reason": reason}, result=step.result)


async def complete_step(
    unit: Unit, task_id: UUID, step_id: UUID, *, value: Any, metadata: dict[str, Any] | None, reason: str
) -> None:
    """The step is done, and this is its result. That of a decision must say what it decides."""
    task, step = await _lock(unit, task_id), await _find(unit, task_id, step_id)
    success = Success(value, {"custom": metadata or {}})
    result = describe_success(step_id, success, completed_at=unit.now.isoformat())
    await _satisfy(unit, task, step, StepState.COMPLETE, {"reason": reason}, result=result)


async def _satisfy(
    unit: Unit, task: LockedTask, step: Row[Any], after: StepState, details: dict[str, Any], *, result: Any
) -> None:
    before = StepState(step.state)
    check_step_transition(before, after)
    template = await unit.template(task.template_id)
    decides = template.by_name[step.name].type is StepType.DECISION and step.name not in task.decided
    named = read_decision(template, step.name, result["result"]) if decides and after is StepState.COMPLETE else ()
    unit.note("step", step.id, (before, after), dispatch=step.dispatch + 1, details=details)
    await _change(unit, step.id, state=after.value, result=result, completed_at=unit.now)
    if task.state in _CLOSED:
        return  # the record is corrected; a task that has ended does not go on
    task = task._replace(
        open_steps=task.open_steps - int(is_open(before)),
        failed_steps=task.failed_steps - int(before is StepState.ERROR),
    )
    enqueued = before not in SATISFYING and await let_children_move_up(unit, step.id)
    if decides:
        task, has_new = await follow_decision(unit, task, step.name, named)
        enqueued = enqueued or has_new
    await settle_task(unit, task, enqueued=enqueued)


async def _change(unit: Unit, step_id: UUID, **changes: Any) -> None:
    """Whatever happens to a step by hand makes the attempt that runs an old one."""
    await unit.session.execute(
        update(steps)
        .where(steps.c.id == step_id)
        .values(dispatch=steps.c.dispatch + 1, claim_token=None, updated_at=unit.now, **changes)
    )


async def _lock(unit: Unit, task_id: UUID) -> LockedTask:
    task = await lock_task(unit, task_id)
    if task is None:
        raise UnknownTaskError("Resource not found")
    return task


async def _find(unit: Unit, task_id: UUID, step_id: UUID) -> Row[Any]:
    row = (
        await unit.session.execute(
            select(
                steps.c.id, steps.c.name, steps.c.state, steps.c.dispatch, steps.c.remaining_parents, steps.c.result
            ).where(steps.c.id == step_id, steps.c.task_id == task_id)
        )
    ).one_or_none()
    if row is None:
        raise UnknownTaskError("Resource not found")
    return cast("Row[Any]", row)

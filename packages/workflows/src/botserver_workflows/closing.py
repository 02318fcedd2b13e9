"""A task ends before its steps have: what runs is fenced off, and what waits never starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from botserver_workflows.states import STEP_ENDS, StepState, TaskState, task_path
from botserver_workflows.tables import steps, tasks

if TYPE_CHECKING:
    from botserver_workflows.advancing import LockedTask
    from botserver_workflows.unit import Unit

_ENDED = [state.value for state in STEP_ENDS]


async def close_task(unit: Unit, task: LockedTask, after: TaskState, reason: str = "") -> None:
    """Cancel all of its steps that have not ended, and give it this state, which is an end."""
    is_open = (steps.c.task_id == task.id) & steps.c.state.not_in(_ENDED)
    for row in await unit.session.execute(select(steps.c.id, steps.c.state, steps.c.dispatch).where(is_open)):
        unit.note("step", row.id, (row.state, StepState.CANCELLED), dispatch=row.dispatch + 1)
    await unit.session.execute(
        update(steps)
        .where(is_open)
        .values(state=StepState.CANCELLED.value, dispatch=steps.c.dispatch + 1, claim_token=None, updated_at=unit.now)
    )
    path = (task.state, *task_path(task.state, after))
    unit.note("task", task.id, path, details={"reason": reason} if reason else None)
    await unit.session.execute(
        update(tasks)
        .where(tasks.c.id == task.id)
        .values(state=after.value, open_steps=0, state_since=unit.now, updated_at=unit.now, completed_at=unit.now)
    )

"""What follows when a step has ended: its children move up, and its task takes the state that its steps give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Uuid, and_, bindparam, case, exists, select, update

from botserver_workflows.expansion import choose, expand, leave_out
from botserver_workflows.making import make_steps
from botserver_workflows.states import STEP_ENDS, TASK_ENDS, StepState, TaskState, task_path
from botserver_workflows.tables import edges, steps, tasks
from botstate.columns import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy.sql.dml import ReturningUpdate

    from botserver_workflows.unit import Unit

#: Steps of a task in one of these go on without anybody doing anything.
_MOVING = (
    StepState.ENQUEUED,
    StepState.IN_PROGRESS,
    StepState.ENQUEUED_FOR_ORCHESTRATION,
    StepState.ENQUEUED_AS_ERROR_FOR_ORCHESTRATION,
    StepState.WAITING_FOR_RETRY,
)


class LockedTask(NamedTuple):
    """A task that no other unit changes until this one is over."""

    id: UUID
    template_id: UUID
    namespace: str
    state: TaskState
    priority: int
    open_steps: int
    failed_steps: int
    decided: dict[str, list[str]]
    bypassed: list[str]


def _build_move_up() -> ReturningUpdate[Any]:
    is_last = and_(steps.c.remaining_parents == 1, steps.c.state == StepState.PENDING)
    children = select(edges.c.child_id).where(edges.c.parent_id == bindparam("parent_", type_=Uuid))
    now = bindparam("now_", type_=UtcDateTime)
    return (
        update(steps)
        .where(steps.c.id.in_(children))
        .values(
            remaining_parents=steps.c.remaining_parents - 1,
            state=case((is_last, StepState.ENQUEUED.value), else_=steps.c.state),
            dispatch=case((is_last, steps.c.dispatch + 1), else_=steps.c.dispatch),
            enqueued_at=case((is_last, now), else_=steps.c.enqueued_at),
            updated_at=now,
        )
        .returning(steps.c.id, steps.c.state, steps.c.dispatch, steps.c.remaining_parents)
    )


# Every step that ends needs these, so they are built once: to build one takes longer than to run it.
_OF_TASK = tasks.c.id == bindparam("task_", type_=Uuid)
_LOCK = select(*(tasks.c[name] for name in LockedTask._fields)).where(_OF_TASK).with_for_update()
_MOVE_UP = _build_move_up()
#: Sets what it is given beside the task.
CHANGE_TASK = update(tasks).where(_OF_TASK)


async def lock_task(unit: Unit, task_id: UUID) -> LockedTask | None:
    """The task, or None when there is none. Taken before its steps, so two parents that end together take turns."""
    row = (await unit.session.execute(_LOCK, {"task_": task_id})).one_or_none()
    return None if row is None else LockedTask(*row)._replace(state=TaskState(row.state))


async def lock_tasks(unit: Unit, task_ids: Collection[UUID], *, skip_locked: bool = False) -> list[UUID]:
    """Those of these tasks that are locked now, in the order in which everybody locks them."""
    query = select(tasks.c.id).where(tasks.c.id.in_(task_ids)).order_by(tasks.c.id)
    return list((await unit.session.execute(query.with_for_update(skip_locked=skip_locked))).scalars())


async def let_children_move_up(unit: Unit, step_id: UUID) -> bool:
    """A step has ended well: each child waits for one parent less, and is enqueued when it was the last one."""
    moved = await unit.session.execute(_MOVE_UP, {"parent_": step_id, "now_": unit.now})
    enqueued = [row for row in moved if row.remaining_parents == 0 and row.state == StepState.ENQUEUED]
    for row in enqueued:
        unit.note("step", row.id, (StepState.PENDING, StepState.ENQUEUED), dispatch=row.dispatch)
    return bool(enqueued)


async def follow_decision(
    unit: Unit, task: LockedTask, decision: str, named: Collection[str]
) -> tuple[LockedTask, bool]:
    """A decision has completed: make the children that it named, and what lies below them.

    Returns the task as it is then, and whether one of the new steps is enqueued: all of them may wait for other steps.
    """
    template = await unit.template(task.template_id)
    decided = {**task.decided, decision: sorted(choose(template.steps, task.bypassed, named))}
    made = set((await unit.session.execute(select(steps.c.name).where(steps.c.task_id == task.id))).scalars())
    planned = expand(leave_out(template.steps, task.bypassed), made, decided, decision)
    new = await make_steps(unit, task.id, task.namespace, task.priority, template, planned)
    return task._replace(decided=decided, open_steps=task.open_steps + len(planned)), bool(new.enqueued)


async def settle_task(unit: Unit, task: LockedTask, *, enqueued: bool, before: TaskState | None = None) -> TaskState:
    """Give the task the state that its steps make it have, and store its counts. `task` holds the new counts.

    `enqueued` says that a step became ready in this unit; `before` is the state in the table, when it is another one.
    """
    stored = before or task.state
    after = await _outcome(unit, task, enqueued=enqueued)
    path = (*task_path(stored, TaskState.EVALUATING_RESULTS), *task_path(TaskState.EVALUATING_RESULTS, after))
    unit.note("task", task.id, (stored, *path))
    changes: dict[str, Any] = {
        "task_": task.id,
        "open_steps": task.open_steps,
        "failed_steps": task.failed_steps,
        "decided": task.decided,
        "updated_at": unit.now,
    }
    if after is not stored:
        changes |= {"state": after, "state_since": unit.now}
    if after in TASK_ENDS:
        changes["completed_at"] = unit.now
    await unit.session.execute(CHANGE_TASK, changes)
    return after


async def _outcome(unit: Unit, task: LockedTask, *, enqueued: bool) -> TaskState:
    if task.open_steps == 0 and task.failed_steps == 0:
        return TaskState.COMPLETE
    if enqueued:
        return TaskState.STEPS_IN_PROCESS
    if task.failed_steps and not await _is_moving(unit, task.id):
        return TaskState.BLOCKED_BY_FAILURES
    return TaskState.WAITING_FOR_DEPENDENCIES


async def _is_moving(unit: Unit, task_id: UUID) -> bool:
    moving = exists().where(steps.c.task_id == task_id, steps.c.state.in_(_MOVING))
    return bool(await unit.session.scalar(select(moving)))


def is_open(state: str) -> bool:
    """Whether a step in this state counts among the open ones of its task."""
    return state not in STEP_ENDS

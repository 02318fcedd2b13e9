"""Looks at the tables when all has ended, and tells what should not be. Believes nothing but the rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from botserver_workflows.states import SATISFYING, STEP_ENDS, STEP_TRANSITIONS, TASK_ENDS, StepState, TaskState
from botserver_workflows.tables import edges, steps, tasks, transitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from botserver_workflows.unit import Unit

_RESTING = TASK_ENDS | {TaskState.BLOCKED_BY_FAILURES}


async def find_violations(unit: Unit, *, in_order: bool = True) -> list[str]:
    """A sentence for everything that breaks a promise; empty when all is well.

    `in_order`: the ids of transitions tell their order, as those of one process do.
    """
    all_steps = (await unit.session.execute(select(steps))).all()
    query = select(transitions).where(transitions.c.subject == "step").order_by(transitions.c.id)
    histories: dict[UUID, list[Any]] = defaultdict(list)
    for row in (await unit.session.execute(query)).all():
        histories[row.subject_id].append(row)
    of_tasks: dict[UUID, list[Any]] = defaultdict(list)
    for step in all_steps:
        of_tasks[step.task_id].append(step)
    found: list[str] = []
    for step in all_steps:
        found += [f"step {step.name} ({step.id}): {it}" for it in _of_step(step, histories[step.id], in_order=in_order)]
    for task in (await unit.session.execute(select(tasks))).all():
        found += [f"task {task.name} ({task.id}): {it}" for it in _of_task(task, of_tasks[task.id])]
    by_id = {step.id: step for step in all_steps}
    for edge in (await unit.session.execute(select(edges))).all():
        found += _of_edge(by_id[edge.parent_id], by_id[edge.child_id], histories, in_order=in_order)
    return found


def _of_step(step: Any, history: Sequence[Any], *, in_order: bool) -> Iterator[str]:
    counts = Counter(row.to_state for row in history)
    completions = counts[StepState.COMPLETE.value]
    if completions != (step.state == StepState.COMPLETE):
        yield f"it is {step.state} and was completed {completions} times"
    if counts[StepState.IN_PROGRESS.value] != step.attempts:
        yield f"it counts {step.attempts} attempts and was started {counts[StepState.IN_PROGRESS.value]} times"
    if step.state == StepState.COMPLETE and step.result is None:
        yield "it is complete and has no result"
    if step.attempts - step.released > max(step.max_attempts, 1):
        yield f"it had {step.attempts - step.released} attempts of {step.max_attempts}"
    given = [row.dispatch for row in history if row.to_state == StepState.ENQUEUED]
    if len(set(given)) != len(given):
        yield f"an attempt was given out twice: {given}"
    for row in history:
        if row.from_state and StepState(row.to_state) not in STEP_TRANSITIONS[StepState(row.from_state)]:
            yield f"it went from {row.from_state} to {row.to_state}"
    if not in_order:
        return
    if [row.to_state for row in history[:-1]] != [row.from_state for row in history[1:]]:
        yield f"its history has gaps: {[(row.from_state, row.to_state) for row in history]}"
    if given != sorted(given):
        yield f"its numbers do not rise: {given}"


def _of_task(task: Any, own: Sequence[Any]) -> Iterator[str]:
    if TaskState(task.state) not in _RESTING:
        yield f"it is still {task.state}, with steps that are {sorted({step.state for step in own})}"
    if task.state in {TaskState.COMPLETE, TaskState.BLOCKED_BY_FAILURES}:
        is_open = sum(StepState(step.state) not in STEP_ENDS for step in own)
        failed = sum(step.state == StepState.ERROR for step in own)
        if (task.open_steps, task.failed_steps) != (is_open, failed):
            counted = f"{task.open_steps} open and {task.failed_steps} failed steps"
            yield f"it counts {counted}, and has {is_open} and {failed}"
    if task.state == TaskState.COMPLETE and any(StepState(step.state) not in SATISFYING for step in own):
        yield "it is complete, and not all of its steps are"


def _of_edge(parent: Any, child: Any, histories: Mapping[UUID, Sequence[Any]], *, in_order: bool) -> Iterator[str]:
    starts = [row.id for row in histories[child.id] if row.to_state == StepState.IN_PROGRESS]
    if not starts:
        return
    ends = [row.id for row in histories[parent.id] if StepState(row.to_state) in SATISFYING]
    if not ends or (in_order and min(ends) > min(starts)):
        yield f"{child.name} of task {child.task_id} was started before {parent.name} had ended"

"""Steps come into being: those of a new task, and those that a decision names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, select

from botserver_workflows.states import SATISFYING, StepState
from botserver_workflows.tables import edges, steps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from botserver_workflows.expansion import PlannedStep
    from botserver_workflows.template import Template
    from botserver_workflows.unit import Unit


class NewSteps(NamedTuple):
    """The ids of new steps by their names, and the names of those that wait for nothing."""

    ids: dict[str, UUID]
    enqueued: list[str]


async def make_steps(
    unit: Unit, task_id: UUID, namespace: str, priority: int, template: Template, planned: Sequence[PlannedStep]
) -> NewSteps:
    """Make these steps of a task, and enqueue those that wait for nothing.

    Their parents are among them, or are steps that the task has already.
    """
    if not planned:
        return NewSteps({}, [])
    made = {plan.name: unit.ids.new_id() for plan in planned}
    earlier = await _earlier_parents(unit, task_id, planned, made)
    rows: list[dict[str, Any]] = []
    links: list[dict[str, UUID]] = []
    enqueued: list[str] = []
    for plan in planned:
        remaining = sum(parent in made or not earlier[parent][1] for parent in plan.parents)
        rows.append(_row(unit, task_id, namespace, priority, template, plan, made[plan.name], remaining))
        links += [{"parent_id": made.get(it) or earlier[it][0], "child_id": made[plan.name]} for it in plan.parents]
        path = ("", StepState.PENDING, StepState.ENQUEUED) if remaining == 0 else ("", StepState.PENDING)
        if remaining == 0:
            enqueued.append(plan.name)
        unit.note("step", made[plan.name], path, dispatch=int(remaining == 0))
    await unit.session.execute(insert(steps), rows)
    if links:
        await unit.session.execute(insert(edges), links)
    return NewSteps(made, enqueued)


async def _earlier_parents(
    unit: Unit, task_id: UUID, planned: Sequence[PlannedStep], made: dict[str, UUID]
) -> dict[str, tuple[UUID, bool]]:
    """Name -> id, and whether nobody has to wait for it any more."""
    names = {parent for plan in planned for parent in plan.parents if parent not in made}
    if not names:
        return {}
    rows = await unit.session.execute(
        select(steps.c.name, steps.c.id, steps.c.state).where(steps.c.task_id == task_id, steps.c.name.in_(names))
    )
    return {row.name: (row.id, row.state in SATISFYING) for row in rows}


def _row(
    unit: Unit,
    task_id: UUID,
    namespace: str,
    priority: int,
    template: Template,
    plan: PlannedStep,
    step_id: UUID,
    remaining: int,
) -> dict[str, Any]:
    step = template.by_name[plan.name]
    ready = remaining == 0
    return {
        "id": step_id,
        "task_id": task_id,
        "name": plan.name,
        "namespace": namespace,
        "handler": step.handler,
        "state": StepState.ENQUEUED if ready else StepState.PENDING,
        "dispatch": int(ready),
        "attempts": 0,
        "released": 0,
        "max_attempts": step.retry.max_attempts,
        "retryable": step.retry.retryable,
        "remaining_parents": remaining,
        "total_parents": len(plan.parents),
        "priority": priority,
        "timeout_seconds": step.timeout_seconds,
        "enqueued_at": unit.now if ready else None,
        "created_at": unit.now,
        "updated_at": unit.now,
    }

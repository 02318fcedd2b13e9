"""What clients ask about tasks and steps. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from botserver_workflows.errors import UnknownTaskError
from botserver_workflows.readiness import StepFacts
from botserver_workflows.states import StepState
from botserver_workflows.tables import edges, steps, tasks

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row, Select

    from botserver_workflows.unit import Unit


class TaskFilter(NamedTuple):
    """Which tasks to list. `page` begins at 1; what is None does not matter."""

    page: int = 1
    per_page: int = 25
    namespace: str | None = None
    status: str | None = None
    initiator: str | None = None
    source_system: str | None = None


class TaskPage(NamedTuple):
    """One page of a list, the newest first, and how many there are on all of them."""

    tasks: list[Row[Any]]
    total: int


async def find_task(unit: Unit, task_id: UUID) -> Row[Any]:
    """The row of a task, or `UnknownTaskError`."""
    found = (await unit.session.execute(select(tasks).where(tasks.c.id == task_id))).one_or_none()
    if found is None:
        raise UnknownTaskError("Resource not found")
    return found


async def find_steps(unit: Unit, task_id: UUID) -> list[Row[Any]]:
    """The rows of all steps of a task, in the order in which they came into being."""
    return list(
        (await unit.session.execute(select(steps).where(steps.c.task_id == task_id).order_by(steps.c.id))).all()
    )


async def find_step(unit: Unit, task_id: UUID, step_id: UUID) -> Row[Any]:
    """The row of a step of this task, or `UnknownTaskError`."""
    query = select(steps).where(steps.c.id == step_id, steps.c.task_id == task_id)
    found = (await unit.session.execute(query)).one_or_none()
    if found is None:
        raise UnknownTaskError("Resource not found")
    return found


async def find_edges(unit: Unit, task_id: UUID) -> list[tuple[UUID, UUID]]:
    """(parent, child) of each pair of steps of a task that wait for each other."""
    query = select(edges.c.parent_id, edges.c.child_id).join(steps, steps.c.id == edges.c.child_id)
    return [
        (row.parent_id, row.child_id) for row in await unit.session.execute(query.where(steps.c.task_id == task_id))
    ]


async def list_tasks(unit: Unit, wanted: TaskFilter) -> TaskPage:
    """One page of the tasks that fit."""
    total = await unit.session.scalar(_narrowed(select(func.count()).select_from(tasks), wanted)) or 0
    query = _narrowed(select(tasks), wanted).order_by(tasks.c.id.desc())
    rows = await unit.session.execute(query.limit(wanted.per_page).offset((wanted.page - 1) * wanted.per_page))
    return TaskPage(list(rows.all()), total)


async def find_steps_of(unit: Unit, task_ids: list[UUID]) -> dict[UUID, list[Row[Any]]]:
    """The rows of all steps of these tasks, by their task."""
    found: dict[UUID, list[Row[Any]]] = {task_id: [] for task_id in task_ids}
    for row in await unit.session.execute(select(steps).where(steps.c.task_id.in_(task_ids)).order_by(steps.c.id)):
        found[row.task_id].append(row)
    return found


async def measure_depths(unit: Unit) -> dict[str, int]:
    """Namespace -> how many steps wait there for a worker; those with none are left out."""
    query = select(steps.c.namespace, func.count()).where(steps.c.state == StepState.ENQUEUED.value)
    rows = await unit.session.execute(query.group_by(steps.c.namespace))
    return {namespace: count for namespace, count in rows}  # noqa: C416 - a row is no tuple to dict()


def facts_of(row: Row[Any]) -> StepFacts:
    """What counts of a step when it is asked whether it may run."""
    return StepFacts(
        StepState(row.state),
        row.attempts,
        row.released,
        row.max_attempts,
        row.retryable,
        row.remaining_parents,
        row.next_retry_at,
    )


def _narrowed(query: Select[Any], wanted: TaskFilter) -> Select[Any]:
    columns = {
        tasks.c.namespace: wanted.namespace,
        tasks.c.state: wanted.status,
        tasks.c.initiator: wanted.initiator,
        tasks.c.source_system: wanted.source_system,
    }
    for column, value in columns.items():
        if value is not None:
            query = query.where(column == value)
    return query

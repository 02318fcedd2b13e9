"""Tasks that stay too long: as a whole, or in a state that should pass. What is too long stands in their template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from botserver_workflows.advancing import lock_task
from botserver_workflows.closing import close_task
from botserver_workflows.deadletters import DeadLetterReason, put_aside
from botserver_workflows.states import TASK_ENDS, TaskState
from botserver_workflows.tables import tasks
from botserver_workflows.template import StalenessAction

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from botserver_workflows.template import Lifecycle
    from botserver_workflows.unit import Unit

#: From which part of its limit a task is told as one to be watched.
_WARNING = 0.8
_ENDED = tuple(state.value for state in TASK_ENDS)


class Age(NamedTuple):
    """How long a task has been, in minutes, and the limit that it comes nearest to; None when there is no limit."""

    in_state: float
    in_all: float
    limit: float | None
    part: float

    @property
    def is_stale(self) -> bool:
        """Whether the limit is passed."""
        return self.part >= 1

    @property
    def health(self) -> str:
        """For people: "healthy", "warning" or "stale"."""
        return "stale" if self.is_stale else "warning" if self.part >= _WARNING else "healthy"


class Stay(NamedTuple):
    """A task that has not ended."""

    id: UUID
    template_id: UUID
    namespace: str
    name: str
    state: str
    state_since: datetime
    created_at: datetime
    priority: int


def measure_age(lifecycle: Lifecycle, state: str, state_since: datetime, created_at: datetime, now: datetime) -> Age:
    """How the task stands against the limits of its template."""
    in_state = (now - state_since).total_seconds() / 60
    in_all = (now - created_at).total_seconds() / 60
    of_state = {
        TaskState.WAITING_FOR_DEPENDENCIES: lifecycle.max_waiting_for_dependencies_minutes,
        TaskState.WAITING_FOR_RETRY: lifecycle.max_waiting_for_retry_minutes,
        TaskState.STEPS_IN_PROCESS: lifecycle.max_steps_in_process_minutes,
    }.get(TaskState(state))
    limits = ((in_state, of_state), (in_all, lifecycle.max_duration_minutes))
    part, limit = max(((spent / limit, limit) for spent, limit in limits if limit), default=(0.0, None))
    return Age(in_state, in_all, limit, part)


async def list_ages(unit: Unit, after: UUID | None, limit: int) -> list[tuple[Stay, Age]]:
    """Tasks that have not ended, the oldest first, from the one behind `after` on."""
    query = select(*(tasks.c[name] for name in Stay._fields)).where(tasks.c.state.not_in(_ENDED)).order_by(tasks.c.id)
    if after is not None:
        query = query.where(tasks.c.id > after)
    found = [Stay(*row) for row in await unit.session.execute(query.limit(limit))]
    return [(it, await _age(unit, it)) for it in found]


async def end_stay(unit: Unit, task_id: UUID) -> bool:
    """Do with a task that is stale what its template says. False when it is not stale, or nothing is to be done.

    A task is put aside once: while its entry is open there is no other one.
    """
    task = await lock_task(unit, task_id)
    if task is None or task.state in TASK_ENDS:
        return False
    row = (await unit.session.execute(select(*(tasks.c[it] for it in Stay._fields)).where(tasks.c.id == task_id))).one()
    age = await _age(unit, Stay(*row))
    lifecycle = (await unit.template(task.template_id)).lifecycle
    if not age.is_stale:
        return False
    done = False
    if lifecycle.staleness_action is StalenessAction.DEAD_LETTER and lifecycle.auto_dlq_on_timeout:
        done = await put_aside(unit, task_id, DeadLetterReason.STALENESS_TIMEOUT, task.state)
    fails = lifecycle.auto_fail_on_timeout and lifecycle.staleness_action is not StalenessAction.NONE
    if fails or lifecycle.staleness_action is StalenessAction.ERROR:
        await close_task(unit, task, TaskState.ERROR, f"It took longer than {age.limit:g} minutes.")
        done = True
    return done


def describe_stay(stay: Stay, age: Age) -> dict[str, Any]:
    """One task of the list as clients read it."""
    return {
        "task_uuid": str(stay.id),
        "namespace_name": stay.namespace,
        "task_name": stay.name,
        "current_state": stay.state,
        "time_in_state_minutes": round(age.in_state, 2),
        "task_age_minutes": round(age.in_all, 2),
        "staleness_threshold_minutes": age.limit,
        "health_status": age.health,
        "priority": stay.priority,
    }


async def _age(unit: Unit, stay: Stay) -> Age:
    lifecycle = (await unit.template(stay.template_id)).lifecycle
    return measure_age(lifecycle, stay.state, stay.state_since, stay.created_at, unit.now)

"""How fast tasks and steps have been, and which were slow. Reads only, and never more than the newest rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from botserver_workflows.states import TASK_ENDS, StepState, TaskState
from botserver_workflows.tables import steps, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from botserver_workflows.unit import Unit

#: How many tasks and how many steps, the newest first, a figure is made of at most.
MOST_ROWS = 20_000
_FAILED = frozenset({TaskState.ERROR, TaskState.BLOCKED_BY_FAILURES})


class _Run(NamedTuple):
    """One task or step: what it is called, how it ended, and how long it took."""

    name: tuple[str, ...]
    seconds: float | None
    is_failed: bool
    at: datetime


async def measure_performance(unit: Unit, hours: float) -> dict[str, Any]:
    """The figures of the tasks that were made within the last hours."""
    since = unit.now - timedelta(hours=hours)
    task_runs, states = await _task_runs(unit, since)
    step_runs = await _step_runs(unit, since)
    total, failed = len(task_runs), sum(it.is_failed for it in task_runs)
    completed = sum(state == TaskState.COMPLETE for state in states)
    return {
        "total_tasks": total,
        "active_tasks": sum(state not in TASK_ENDS and state not in _FAILED for state in states),
        "completed_tasks": completed,
        "failed_tasks": failed,
        "completion_rate": _ratio(completed, total),
        "error_rate": _ratio(failed, total),
        "average_task_duration_seconds": _mean(task_runs),
        "average_step_duration_seconds": _mean(step_runs),
        "tasks_per_hour": round(total / hours, 2),
        "steps_per_hour": round(len(step_runs) / hours, 2),
        "system_health_score": round(1 - _ratio(failed, total), 4),
        "analysis_period_start": since.isoformat(),
        "calculated_at": unit.now.isoformat(),
    }


async def find_bottlenecks(unit: Unit, limit: int, min_executions: int) -> dict[str, Any]:
    """The steps and tasks that take longest on the average, of those that ran often enough."""
    epoch = datetime.fromtimestamp(0, tz=unit.now.tzinfo)
    slow_steps = _slowest(await _step_runs(unit, epoch), limit, min_executions)
    slow_tasks = _slowest((await _task_runs(unit, epoch))[0], limit, min_executions)
    names = ("namespace_name", "task_name", "version", "step_name")
    return {
        "slow_steps": [{**dict(zip(names, name, strict=False)), **facts} for name, facts in slow_steps],
        "slow_tasks": [{**dict(zip(names, name, strict=False)), **facts} for name, facts in slow_tasks],
        "recommendations": [
            f"{'/'.join(name)} fails in {facts['error_rate']:.0%} of its runs. Look at its errors first."
            for name, facts in slow_steps
            if facts["error_rate"] > 0.1
        ],
    }


async def _task_runs(unit: Unit, since: datetime) -> tuple[list[_Run], list[TaskState]]:
    identity = (tasks.c.namespace, tasks.c.name, tasks.c.version)
    query = select(*identity, tasks.c.state, tasks.c.created_at, tasks.c.completed_at)
    query = query.where(tasks.c.created_at >= since).order_by(tasks.c.id.desc()).limit(MOST_ROWS)
    rows = (await unit.session.execute(query)).all()
    states = [TaskState(row.state) for row in rows]
    runs = [
        _Run(tuple(row[:3]), _seconds(row.created_at, row.completed_at), state in _FAILED, row.created_at)
        for row, state in zip(rows, states, strict=True)
    ]
    return runs, states


async def _step_runs(unit: Unit, since: datetime) -> list[_Run]:
    query = (
        select(
            *(tasks.c.namespace, tasks.c.name, tasks.c.version, steps.c.name.label("step"), steps.c.state),
            *(steps.c.started_at, steps.c.completed_at, steps.c.last_failure_at),
        )
        .join(tasks, tasks.c.id == steps.c.task_id)
        .where(steps.c.started_at >= since, steps.c.state.in_([StepState.COMPLETE.value, StepState.ERROR.value]))
        .order_by(steps.c.id.desc())
        .limit(MOST_ROWS)
    )
    return [
        _Run(
            (row.namespace, row.name, row.version, row.step),
            _seconds(row.started_at, row.completed_at or row.last_failure_at),
            row.state == StepState.ERROR,
            row.started_at,
        )
        for row in await unit.session.execute(query)
    ]


def _slowest(runs: Iterable[_Run], limit: int, least: int) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    grouped: dict[tuple[str, ...], list[_Run]] = defaultdict(list)
    for run in runs:
        grouped[run.name].append(run)
    facts = [(name, _facts(found)) for name, found in grouped.items() if len(found) >= least]
    return sorted(facts, key=lambda it: (-it[1]["average_duration_seconds"], it[0]))[:limit]


def _facts(runs: Sequence[_Run]) -> dict[str, Any]:
    failed = sum(run.is_failed for run in runs)
    return {
        "average_duration_seconds": _mean(runs),
        "max_duration_seconds": max((run.seconds for run in runs if run.seconds is not None), default=0.0),
        "execution_count": len(runs),
        "error_count": failed,
        "error_rate": _ratio(failed, len(runs)),
        "last_executed_at": max(run.at for run in runs).isoformat(),
    }


def _seconds(began: datetime, ended: datetime | None) -> float | None:
    return None if ended is None else max(0.0, round((ended - began).total_seconds(), 3))


def _mean(runs: Iterable[_Run]) -> float:
    known = [run.seconds for run in runs if run.seconds is not None]
    return round(sum(known) / len(known), 3) if known else 0.0


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0

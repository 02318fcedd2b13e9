"""Tasks and steps as clients read them (contract, section 4). Rows in, JSON out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_workflows.queries import facts_of
from botserver_workflows.readiness import (
    RECOMMENDED_ACTIONS,
    completion_percentage,
    count_steps,
    execution_status,
    health_status,
    is_ready,
    may_try_again,
)
from botserver_workflows.states import SATISFYING, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from botserver_workflows.submitting import Submitted


def describe_creation(submitted: Submitted, name: str) -> dict[str, Any]:
    """The answer to a request for a task."""
    return {
        "task_uuid": str(submitted.task_id),
        "status": "created",
        "created_at": submitted.created_at.isoformat(),
        "estimated_completion": None,
        "step_count": len(submitted.steps),
        "step_mapping": {step: str(step_id) for step, step_id in submitted.steps.items()},
        "handler_config_name": name,
    }


def describe_task(task: Row[Any], steps: Sequence[Row[Any]], now: datetime, *, listed: bool = False) -> dict[str, Any]:
    """One task. In a list its `status` is its state and its steps are left out; alone it is what its steps say."""
    counts = count_steps([facts_of(step) for step in steps], now)
    status = execution_status(counts)
    return {
        "task_uuid": str(task.id),
        "name": task.name,
        "namespace": task.namespace,
        "version": task.version,
        "status": task.state if listed else status.value,
        "created_at": _moment(task.created_at),
        "updated_at": _moment(task.updated_at),
        "completed_at": _moment(task.completed_at),
        "context": task.context,
        "initiator": task.initiator,
        "source_system": task.source_system,
        "reason": task.reason,
        "priority": task.priority,
        "tags": task.tags,
        "correlation_id": str(task.correlation_id),
        "parent_correlation_id": None if task.parent_correlation_id is None else str(task.parent_correlation_id),
        "total_steps": counts.total,
        "pending_steps": counts.pending,
        "in_progress_steps": counts.in_progress,
        "completed_steps": counts.completed,
        "failed_steps": counts.failed,
        "ready_steps": counts.ready,
        "execution_status": status.value,
        "recommended_action": RECOMMENDED_ACTIONS[status],
        "completion_percentage": completion_percentage(counts),
        "health_status": health_status(counts).value,
        "steps": [] if listed else [_describe_readiness(step, now) for step in steps],
    }


def describe_page(
    tasks: Sequence[tuple[Row[Any], Sequence[Row[Any]]]], now: datetime, page: int, per_page: int, total: int
) -> dict[str, Any]:
    """A list of tasks with the place of this page among all."""
    pages = -(-total // per_page)
    return {
        "tasks": [describe_task(task, steps, now, listed=True) for task, steps in tasks],
        "pagination": {
            "page": page,
            "per_page": per_page,
            "total_count": total,
            "total_pages": pages,
            "has_next": page < pages,
            "has_previous": page > 1,
        },
    }


def describe_step(step: Row[Any], now: datetime) -> dict[str, Any]:
    """One step with its result."""
    return {
        "step_uuid": str(step.id),
        "task_uuid": str(step.task_id),
        "name": step.name,
        "created_at": _moment(step.created_at),
        "updated_at": _moment(step.updated_at),
        "completed_at": _moment(step.completed_at),
        "results": step.result,
        **_progress(step, now),
    }


def _describe_readiness(step: Row[Any], now: datetime) -> dict[str, Any]:
    return {
        "workflow_step_uuid": str(step.id),
        "task_uuid": str(step.task_id),
        # The original numbers the names of steps; here the name itself is what is unique within a template.
        "named_step_uuid": str(step.id),
        "name": step.name,
        **_progress(step, now),
        "backoff_request_seconds": step.backoff_request_seconds,
    }


def _progress(step: Row[Any], now: datetime) -> dict[str, Any]:
    facts = facts_of(step)
    parents_done = step.total_parents if facts.state in SATISFYING else step.total_parents - step.remaining_parents
    return {
        "current_state": step.state,
        "dependencies_satisfied": step.remaining_parents == 0,
        "retry_eligible": may_try_again(facts),
        "ready_for_execution": is_ready(facts, now) or facts.state is StepState.ENQUEUED,
        "total_parents": step.total_parents,
        "completed_parents": max(parents_done, 0),
        "attempts": step.attempts,
        "max_attempts": step.max_attempts,
        "last_failure_at": _moment(step.last_failure_at),
        "next_retry_at": _moment(step.next_retry_at),
        "last_attempted_at": _moment(step.last_attempted_at),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()

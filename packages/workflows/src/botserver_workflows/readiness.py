"""What may run now, and what the counts of a task say. The one place that knows (contract, sections 6.1 and 6.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from botserver_workflows.states import SATISFYING, StepState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class ExecutionStatus(StrEnum):
    """How a task comes along, seen from its steps."""

    HAS_READY_STEPS = "has_ready_steps"
    PROCESSING = "processing"
    BLOCKED_BY_FAILURES = "blocked_by_failures"
    ALL_COMPLETE = "all_complete"
    WAITING_FOR_DEPENDENCIES = "waiting_for_dependencies"


class HealthStatus(StrEnum):
    """Whether a task can end well by itself."""

    HEALTHY = "healthy"
    RECOVERING = "recovering"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


#: What a person or program is advised to do.
RECOMMENDED_ACTIONS = {
    ExecutionStatus.HAS_READY_STEPS: "execute_ready_steps",
    ExecutionStatus.PROCESSING: "wait_for_completion",
    ExecutionStatus.BLOCKED_BY_FAILURES: "handle_failures",
    ExecutionStatus.ALL_COMPLETE: "finalize_task",
    ExecutionStatus.WAITING_FOR_DEPENDENCIES: "wait_for_dependencies",
}

_WAITING = frozenset({StepState.PENDING, StepState.WAITING_FOR_RETRY})
# Enqueued steps count as such too: somebody will take them, and nobody has to do anything about it.
_PROCESSING = frozenset(
    {
        StepState.ENQUEUED,
        StepState.IN_PROGRESS,
        StepState.ENQUEUED_FOR_ORCHESTRATION,
        StepState.ENQUEUED_AS_ERROR_FOR_ORCHESTRATION,
    }
)


class StepFacts(NamedTuple):
    """What decides whether a step may run.

    `attempts` counts starts; `released` those of them that were given back unfinished, which cost nothing.
    """

    state: StepState
    attempts: int
    released: int
    max_attempts: int
    retryable: bool
    remaining_parents: int
    next_retry_at: datetime | None


class Counts(NamedTuple):
    """How many steps of a task are how."""

    total: int
    pending: int
    in_progress: int
    completed: int
    failed: int
    ready: int
    blocked: int


def may_try_again(step: StepFacts) -> bool:
    """Whether another attempt is allowed. The first one always is, also with `max_attempts` 0 or `retryable` false."""
    spent = step.attempts - step.released
    return spent <= 0 or (step.retryable and spent < step.max_attempts)


def is_ready(step: StepFacts, now: datetime) -> bool:
    """Whether the step may be given to a worker now."""
    return (
        step.state in _WAITING
        and step.remaining_parents == 0
        and may_try_again(step)
        and (step.next_retry_at is None or step.next_retry_at <= now)
    )


def is_blocked(step: StepFacts) -> bool:
    """Whether the step failed for good, so that only a person can help."""
    return step.state is StepState.ERROR and not may_try_again(step)


def count_steps(steps: Iterable[StepFacts], now: datetime) -> Counts:
    """The counts of one task. A step that waits for its retry is a failed one too."""
    known = tuple(steps)
    return Counts(
        total=len(known),
        pending=sum(step.state in _WAITING for step in known),
        in_progress=sum(step.state in _PROCESSING for step in known),
        completed=sum(step.state in SATISFYING for step in known),
        failed=sum(step.state in {StepState.ERROR, StepState.WAITING_FOR_RETRY} for step in known),
        ready=sum(is_ready(step, now) for step in known),
        blocked=sum(is_blocked(step) for step in known),
    )


def execution_status(counts: Counts) -> ExecutionStatus:
    """How the task comes along; the first rule that holds counts."""
    if counts.ready:
        return ExecutionStatus.HAS_READY_STEPS
    if counts.in_progress:
        return ExecutionStatus.PROCESSING
    if counts.blocked:
        return ExecutionStatus.BLOCKED_BY_FAILURES
    if counts.completed == counts.total:
        return ExecutionStatus.ALL_COMPLETE
    return ExecutionStatus.WAITING_FOR_DEPENDENCIES


def health_status(counts: Counts) -> HealthStatus:
    """Whether the task can end well by itself."""
    if not counts.failed:
        return HealthStatus.HEALTHY
    if counts.ready or not counts.blocked:
        return HealthStatus.RECOVERING
    return HealthStatus.BLOCKED


def completion_percentage(counts: Counts) -> float:
    """From 0 to 100, to two decimals. A task without steps has nothing left to do."""
    return round(counts.completed / counts.total * 100, 2) if counts.total else 100.0

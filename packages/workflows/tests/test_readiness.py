from datetime import UTC, datetime, timedelta

import pytest

from botserver_workflows.readiness import (
    Counts,
    ExecutionStatus,
    HealthStatus,
    StepFacts,
    completion_percentage,
    count_steps,
    execution_status,
    health_status,
    is_blocked,
    is_ready,
)
from botserver_workflows.states import StepState

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PENDING = StepFacts(StepState.PENDING, 0, 0, 3, retryable=True, remaining_parents=0, next_retry_at=None)
FAILED = PENDING._replace(state=StepState.WAITING_FOR_RETRY, attempts=1, next_retry_at=NOW)


@pytest.mark.parametrize("state", StepState)
def test_only_what_waits_can_be_ready(state: StepState) -> None:
    expected = state in {StepState.PENDING, StepState.WAITING_FOR_RETRY}
    assert is_ready(PENDING._replace(state=state), NOW) is expected


@pytest.mark.parametrize("max_attempts", [0, 1, 3])
@pytest.mark.parametrize("retryable", [True, False])
def test_the_first_attempt_is_always_made(max_attempts: int, *, retryable: bool) -> None:
    assert is_ready(PENDING._replace(max_attempts=max_attempts, retryable=retryable), NOW)


@pytest.mark.parametrize(
    ("step", "ready"),
    [
        (PENDING._replace(remaining_parents=1), False),
        (FAILED, True),
        (FAILED._replace(next_retry_at=NOW + timedelta(microseconds=1)), False),
        (FAILED._replace(attempts=2), True),
        (FAILED._replace(attempts=3), False),
        (FAILED._replace(attempts=4, released=2), True),
        (FAILED._replace(retryable=False), False),
        (FAILED._replace(max_attempts=1), False),
    ],
)
def test_later_attempts_have_conditions(step: StepFacts, *, ready: bool) -> None:
    assert is_ready(step, NOW) is ready


@pytest.mark.parametrize(
    ("step", "blocked"),
    [
        (FAILED._replace(state=StepState.ERROR, attempts=3), True),
        (FAILED._replace(state=StepState.ERROR, retryable=False), True),
        (FAILED._replace(state=StepState.ERROR), False),
        (FAILED._replace(attempts=3), False),
    ],
)
def test_blocked_is_what_failed_and_may_not_try_again(step: StepFacts, *, blocked: bool) -> None:
    assert is_blocked(step) is blocked


@pytest.mark.parametrize(
    ("steps", "status", "health", "percentage"),
    [
        ([], ExecutionStatus.ALL_COMPLETE, HealthStatus.HEALTHY, 100.0),
        (["pending"], ExecutionStatus.HAS_READY_STEPS, HealthStatus.HEALTHY, 0.0),
        (["enqueued", "complete", "waits"], ExecutionStatus.PROCESSING, HealthStatus.HEALTHY, 33.33),
        (["in_progress", "error"], ExecutionStatus.PROCESSING, HealthStatus.BLOCKED, 0.0),
        (["error", "waits", "complete"], ExecutionStatus.BLOCKED_BY_FAILURES, HealthStatus.BLOCKED, 33.33),
        (["error", "pending"], ExecutionStatus.HAS_READY_STEPS, HealthStatus.RECOVERING, 0.0),
        (["backs_off", "complete"], ExecutionStatus.WAITING_FOR_DEPENDENCIES, HealthStatus.RECOVERING, 50.0),
        (["complete", "resolved_manually"], ExecutionStatus.ALL_COMPLETE, HealthStatus.HEALTHY, 100.0),
        (["waits"], ExecutionStatus.WAITING_FOR_DEPENDENCIES, HealthStatus.HEALTHY, 0.0),
    ],
)
def test_what_the_steps_say_about_their_task(
    steps: list[str], status: ExecutionStatus, health: HealthStatus, percentage: float
) -> None:
    special = {
        "waits": PENDING._replace(remaining_parents=1),
        "backs_off": FAILED._replace(next_retry_at=NOW + timedelta(seconds=1)),
        "error": FAILED._replace(state=StepState.ERROR, attempts=3, next_retry_at=None),
    }
    counts = count_steps([special.get(it) or PENDING._replace(state=StepState(it)) for it in steps], NOW)
    assert (execution_status(counts), health_status(counts), completion_percentage(counts)) == (
        status,
        health,
        percentage,
    )


def test_every_step_is_counted_once_as_pending_in_progress_completed_or_ended_otherwise() -> None:
    steps = [PENDING._replace(state=state) for state in StepState]
    assert count_steps(steps, NOW) == Counts(10, 2, 4, 2, 2, 2, 0)

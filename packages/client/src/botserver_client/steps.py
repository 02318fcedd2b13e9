"""Steps of tasks, and what came out of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class StepReadiness:
    """A step as its task shows it: where it stands, and whether and when it may run."""

    workflow_step_uuid: UUID
    task_uuid: UUID
    named_step_uuid: UUID
    name: str
    current_state: str
    dependencies_satisfied: bool
    retry_eligible: bool
    ready_for_execution: bool
    total_parents: int
    completed_parents: int
    attempts: int
    max_attempts: int
    last_failure_at: datetime | None = None
    next_retry_at: datetime | None = None
    last_attempted_at: datetime | None = None
    backoff_request_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StepError:
    """Why a step failed."""

    message: str
    error_type: str | None = None
    retryable: bool = False
    backtrace: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came out of a step. `result` is what its handler returned, or what a person gave in its place."""

    step_uuid: UUID
    success: bool
    result: Any = None
    metadata: Mapping[str, Any] | None = None
    status: str = ""
    error: StepError | None = None
    orchestration_metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that was asked for alone, or with all of its task. `results` is None as long as it has none."""

    step_uuid: UUID
    task_uuid: UUID
    name: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    results: StepResult | None = None
    current_state: str
    dependencies_satisfied: bool
    retry_eligible: bool
    ready_for_execution: bool
    total_parents: int
    completed_parents: int
    attempts: int
    max_attempts: int
    last_failure_at: datetime | None = None
    next_retry_at: datetime | None = None
    last_attempted_at: datetime | None = None

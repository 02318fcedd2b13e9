"""Tasks: what a client asks for, and what the server says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from botserver_client.steps import StepReadiness


class Outcome(StrEnum):
    """How a task came to its end. `BLOCKED` is one as well: nothing happens until a person steps in."""

    COMPLETED = "completed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    ENDED = "ended"  # given up, or resolved by hand


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A task that somebody wants. What is None is left to the client or to the server."""

    namespace: str
    name: str
    context: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1.0.0"
    initiator: str = "botserver-client"
    source_system: str = "python"
    reason: str = "not given"
    tags: tuple[str, ...] = ()
    bypass_steps: tuple[str, ...] = ()
    priority: int | None = None
    requested_at: datetime | None = None
    correlation_id: UUID | None = None
    parent_correlation_id: UUID | None = None
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedTask:
    """The answer to a request for a task. `step_mapping` has the steps that are known from the start, by name."""

    task_uuid: UUID
    status: str
    created_at: datetime
    estimated_completion: datetime | None = None
    step_count: int
    step_mapping: Mapping[str, UUID]
    handler_config_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task. `status` is how its steps stand when it was asked for alone, and its state in a list, without `steps`."""

    task_uuid: UUID
    name: str
    namespace: str
    version: str
    status: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    context: Mapping[str, Any]
    initiator: str
    source_system: str
    reason: str
    priority: int | None = None
    tags: tuple[str, ...] | None = ()
    correlation_id: UUID
    parent_correlation_id: UUID | None = None
    total_steps: int
    pending_steps: int
    in_progress_steps: int
    completed_steps: int
    failed_steps: int
    ready_steps: int
    execution_status: str
    recommended_action: str | None
    completion_percentage: float
    health_status: str
    steps: tuple[StepReadiness, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """How the task ended, None while it goes on. Only for a task that was asked for alone."""
        if self.execution_status == "all_complete":
            return Outcome.COMPLETED
        if any(step.current_state == "cancelled" for step in self.steps):
            return Outcome.CANCELLED  # a step is cancelled with its task only
        if self.execution_status == "blocked_by_failures":
            return Outcome.BLOCKED
        return None if self.completed_at is None else Outcome.ENDED


@dataclass(frozen=True, slots=True)
class Pagination:
    """Where a page stands among all."""

    page: int
    per_page: int
    total_count: int
    total_pages: int
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some of the tasks that were asked for, the newest first."""

    tasks: tuple[Task, ...]
    pagination: Pagination

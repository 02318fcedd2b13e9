"""How fast tasks and steps have been, and which tasks have stayed for long."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """The figures of the tasks that were made within some hours. Rates are from 0 to 1."""

    total_tasks: int
    active_tasks: int
    completed_tasks: int
    failed_tasks: int
    completion_rate: float
    error_rate: float
    average_task_duration_seconds: float
    average_step_duration_seconds: float
    tasks_per_hour: float
    steps_per_hour: float
    system_health_score: float
    analysis_period_start: datetime
    calculated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """How long one task or step of a template takes. `step_name` is None for a task."""

    namespace_name: str
    task_name: str
    version: str
    step_name: str | None = None
    average_duration_seconds: float
    max_duration_seconds: float
    execution_count: int
    error_count: int
    error_rate: float
    last_executed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """The slowest first."""

    slow_steps: tuple[Slowness, ...]
    slow_tasks: tuple[Slowness, ...]
    recommendations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A task that has not ended, and how long it may stay as it is."""

    task_uuid: UUID
    namespace_name: str
    task_name: str
    current_state: str
    time_in_state_minutes: float
    task_age_minutes: float
    staleness_threshold_minutes: float | None
    health_status: str
    priority: int

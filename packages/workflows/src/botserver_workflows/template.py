"""What a workflow is made of, as values. `reading.py` makes them of YAML; nothing here can be wrong any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class StepType(StrEnum):
    """How the steps below a step come to be.

    Those of a `decision` are made when it completes, and only the ones that its result names. A `deferred` step waits
    for those of its parents that were made.
    """

    STANDARD = "standard"
    DECISION = "decision"
    DEFERRED = "deferred"


class Backoff(StrEnum):
    """How the pause before the next attempt grows."""

    NONE = "none"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    FIBONACCI = "fibonacci"


class StalenessAction(StrEnum):
    """What happens to a task that has been in one state for too long."""

    DEAD_LETTER = "dlq"
    ERROR = "error"
    NONE = "none"


@dataclass(frozen=True)
class RetryPolicy:
    """When a step that failed is tried again. The first attempt is always made, whatever this says."""

    retryable: bool = True
    max_attempts: int = 3
    backoff: Backoff = Backoff.EXPONENTIAL
    base_milliseconds: int = 1_000
    max_milliseconds: int = 30_000


@dataclass(frozen=True)
class StepTemplate:
    """One step. `handler` is the name under which a worker registered the function; `parents` are step names."""

    name: str
    handler: str
    parents: tuple[str, ...] = ()
    type: StepType = StepType.STANDARD
    description: str = ""
    initialization: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryPolicy = RetryPolicy()
    timeout_seconds: float = 300.0


@dataclass(frozen=True)
class Lifecycle:
    """How long a task may stay, as a whole and in some states, in minutes; None is no limit."""

    max_duration_minutes: float | None = 24 * 60.0
    max_waiting_for_dependencies_minutes: float | None = 60.0
    max_waiting_for_retry_minutes: float | None = 30.0
    max_steps_in_process_minutes: float | None = 30.0
    staleness_action: StalenessAction = StalenessAction.DEAD_LETTER
    auto_fail_on_timeout: bool = False
    auto_dlq_on_timeout: bool = True


@dataclass(frozen=True)
class Template:
    """A workflow. Namespace, name and version together identify it; its steps are in an order that parents lead.

    `checksum` tells two contents of one version apart.
    """

    namespace: str
    name: str
    version: str
    steps: tuple[StepTemplate, ...]
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    lifecycle: Lifecycle = Lifecycle()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    checksum: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, StepTemplate]:
        """Each step by its name."""
        return {step.name: step for step in self.steps}

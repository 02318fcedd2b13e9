"""One attempt at a step: what a worker was given, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID


class Claim(NamedTuple):
    """A step that a worker has started. `dispatch` and `token` are what its outcome must show to be accepted."""

    step_id: UUID
    task_id: UUID
    template_id: UUID
    namespace: str
    name: str
    handler: str
    dispatch: int
    token: UUID
    attempt: int
    released: int
    timeout_seconds: float
    started_at: datetime
    context: Mapping[str, Any]
    #: Name of each parent -> what it returned; None for one that a person resolved.
    results: Mapping[str, Any]


@dataclass(frozen=True)
class Success:
    """What the handler returned, as JSON already, and what is worth knowing about it."""

    value: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed. `retry_after` is the pause in seconds that the handler asks for."""

    message: str
    code: str = ""
    type: str = ""
    retryable: bool = True
    retry_after: float | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


def describe_success(step_id: UUID, success: Success, **facts: Any) -> dict[str, Any]:
    """The result of a step as clients read it (contract, section 4.3)."""
    return {
        "step_uuid": str(step_id),
        "success": True,
        "result": success.value,
        "metadata": {"retryable": False, "custom": {}, "context": {}, **facts, **success.metadata},
        "status": "completed",
        "error": None,
        "orchestration_metadata": None,
    }


def describe_failure(step_id: UUID, failure: Failure, **facts: Any) -> dict[str, Any]:
    """The same for an attempt that failed."""
    metadata = {"custom": {}, "context": dict(failure.context), **facts, "retryable": failure.retryable}
    return {
        "step_uuid": str(step_id),
        "success": False,
        "result": None,
        "metadata": {**metadata, "error_code": failure.code or None, "error_type": failure.type or None},
        "status": "failed" if failure.retryable else "error",
        "error": {
            "message": failure.message,
            "error_type": failure.type or None,
            "backtrace": None,
            "retryable": failure.retryable,
        },
        "orchestration_metadata": None,
    }

"""What clients send, as pydantic reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from botserver_workflows.deadletters import Resolution  # noqa: TC001 - pydantic reads the annotation
from botserver_workflows.errors import InvalidIdError, InvalidInputError
from botserver_workflows.request import TaskRequest


class TaskForm(BaseModel):
    """A request for a task. Only its name and namespace have to be there; clients of other origin send all."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str
    version: str = "1.0.0"
    context: dict[str, Any] = {}
    initiator: str = "unknown"
    source_system: str = "unknown"
    reason: str = "not given"
    tags: list[str] = []
    bypass_steps: list[str] = []
    requested_at: datetime | None = None
    correlation_id: UUID | None = None
    parent_correlation_id: UUID | None = None
    idempotency_key: str | None = Field(default=None, max_length=255)
    options: dict[str, Any] | None = None
    priority: int | None = Field(default=None, ge=-(2**31), lt=2**31)

    def to_request(self) -> TaskRequest:
        """The request, or `InvalidInputError` in the words that clients know."""
        for label, value in (("Task name", self.name), ("Namespace", self.namespace), ("Version", self.version)):
            if not value.strip():
                raise InvalidInputError(f"{label} cannot be empty")
        return TaskRequest(
            namespace=self.namespace,
            name=self.name,
            version=self.version,
            context=self.context,
            initiator=self.initiator,
            source_system=self.source_system,
            reason=self.reason,
            tags=tuple(self.tags),
            bypassed=tuple(self.bypass_steps),
            priority=self.priority or 0,
            requested_at=_in_utc(self.requested_at),
            correlation_id=self.correlation_id,
            parent_correlation_id=self.parent_correlation_id,
            idempotency_key=self.idempotency_key,
            options=self.options,
        )


class ResetForRetry(BaseModel):
    """A step in error begins anew."""

    action_type: Literal["reset_for_retry"]
    reason: str
    reset_by: str


class ResolveManually(BaseModel):
    """A step is done as far as others are concerned."""

    action_type: Literal["resolve_manually"]
    reason: str
    resolved_by: str


class CompletionData(BaseModel):
    """What a step is to have returned."""

    result: Any
    metadata: dict[str, Any] | None = None


class CompleteManually(BaseModel):
    """A step is done, with a result that a person gives."""

    action_type: Literal["complete_manually"]
    completion_data: CompletionData
    reason: str
    completed_by: str


StepAction = Annotated[ResetForRetry | ResolveManually | CompleteManually, Field(discriminator="action_type")]


class InvestigationForm(BaseModel):
    """What came of looking at a dead letter."""

    resolution_status: Resolution
    resolution_notes: str | None = None
    resolved_by: str | None = None
    metadata: dict[str, Any] | None = None


def _read_id(text: object) -> object:
    # Not a ValueError: clients know this as a bad request with a code of its own, and not as a form that does not fit.
    try:
        return UUID(str(text))
    except ValueError:
        raise InvalidIdError(f"Invalid UUID: {str(text)[:40]!a}") from None


def _read_per_page(text: object) -> object:
    if not str(text).isascii() or not str(text).isdigit() or not 1 <= int(str(text)[:9]) <= 100:
        raise InvalidInputError("per_page must be between 1 and 100")
    return text


Id = Annotated[UUID, BeforeValidator(_read_id)]
TaskId = Annotated[Id, Path(description="The id of a task.")]
StepId = Annotated[Id, Path(description="The id of a step of this task.")]
PerPage = Annotated[int, BeforeValidator(_read_per_page), Query(description="From 1 to 100.")]


def _in_utc(moment: datetime | None) -> datetime | None:
    # Clients of other origin write it without a zone, and mean UTC.
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)

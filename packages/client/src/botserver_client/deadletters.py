"""Tasks that a person has to look at. An entry is the record of that, and changes nothing of its task."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Resolution(StrEnum):
    """What came of an entry."""

    PENDING = "pending"
    MANUALLY_RESOLVED = "manually_resolved"
    PERMANENTLY_FAILED = "permanently_failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One entry, with its task as it was then."""

    dlq_entry_uuid: UUID
    task_uuid: UUID
    original_state: str
    dlq_reason: str
    dlq_timestamp: datetime
    resolution_status: str
    resolution_timestamp: datetime | None = None
    resolution_notes: str | None = None
    resolved_by: str | None = None
    task_snapshot: Mapping[str, Any]
    metadata: Mapping[str, Any] | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ChangedDeadLetter:
    """The answer to a change of an entry."""

    success: bool
    message: str
    dlq_entry_uuid: UUID


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """How many entries there are for one reason."""

    dlq_reason: str
    total_entries: int
    pending: int
    manually_resolved: int
    permanent_failures: int
    cancelled: int
    oldest_entry: datetime | None = None
    newest_entry: datetime | None = None
    avg_resolution_time_minutes: float | None = None

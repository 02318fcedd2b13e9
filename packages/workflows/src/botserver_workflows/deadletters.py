"""Tasks that a person has to look at. An entry is a record of the investigation, and changes nothing of its task."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from botserver_workflows.errors import UnknownEntryError
from botserver_workflows.tables import dead_letters, steps, tasks

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row

    from botserver_workflows.unit import Unit


class DeadLetterReason(StrEnum):
    """Why a task was put aside."""

    STALENESS_TIMEOUT = "staleness_timeout"
    MAX_RETRIES_EXCEEDED = "max_retries_exceeded"
    DEPENDENCY_CYCLE_DETECTED = "dependency_cycle_detected"
    WORKER_UNAVAILABLE = "worker_unavailable"
    MANUAL = "manual_dlq"


class Resolution(StrEnum):
    """What came of it."""

    PENDING = "pending"
    MANUALLY_RESOLVED = "manually_resolved"
    PERMANENTLY_FAILED = "permanently_failed"
    CANCELLED = "cancelled"


async def put_aside(unit: Unit, task_id: UUID, reason: DeadLetterReason, original_state: str) -> bool:
    """Open an entry for this task, unless one is open. Returns whether there is a new one."""
    pending = select(dead_letters.c.id).where(
        dead_letters.c.task_id == task_id, dead_letters.c.resolution == Resolution.PENDING.value
    )
    if await unit.session.scalar(pending) is not None:
        return False
    await unit.session.execute(
        insert(dead_letters).values(
            id=unit.ids.new_id(),
            task_id=task_id,
            original_state=original_state,
            reason=reason.value,
            at=unit.now,
            resolution=Resolution.PENDING.value,
            snapshot=await _snapshot(unit, task_id),
            created_at=unit.now,
            updated_at=unit.now,
        )
    )
    return True


async def resolve_entry(
    unit: Unit, entry_id: UUID, resolution: Resolution, *, notes: str | None, by: str | None, metadata: Any
) -> None:
    """Note what came of it, or `UnknownEntryError`."""
    resolved = await unit.session.execute(
        update(dead_letters)
        .where(dead_letters.c.id == entry_id)
        .values(
            resolution=resolution.value,
            resolved_at=None if resolution is Resolution.PENDING else unit.now,
            resolution_notes=notes,
            resolved_by=by,
            metadata=metadata,
            updated_at=unit.now,
        )
        .returning(dead_letters.c.id)
    )
    if resolved.one_or_none() is None:
        raise UnknownEntryError(f"There is no entry {entry_id} among the dead letters.")


async def _snapshot(unit: Unit, task_id: UUID) -> dict[str, Any]:
    """What the task was like, for whoever looks at it later."""
    task = (
        await unit.session.execute(
            select(tasks.c.namespace, tasks.c.name, tasks.c.version, tasks.c.state, tasks.c.context).where(
                tasks.c.id == task_id
            )
        )
    ).one()
    rows = await unit.session.execute(
        select(steps.c.name, steps.c.state, steps.c.attempts, steps.c.result)
        .where(steps.c.task_id == task_id)
        .order_by(steps.c.id)
    )
    return {**task._mapping, "steps": [dict(row._mapping) for row in rows]}  # noqa: SLF001 - SQLAlchemy's public name


async def list_entries(
    unit: Unit, *, resolution: Resolution | None, limit: int, offset: int, oldest_first: bool = False
) -> list[Row[Any]]:
    """Entries with this resolution, or all."""
    query = select(dead_letters).limit(limit).offset(offset)
    query = query.order_by(dead_letters.c.id.asc() if oldest_first else dead_letters.c.id.desc())
    if resolution is not None:
        query = query.where(dead_letters.c.resolution == resolution.value)
    return list((await unit.session.execute(query)).all())


async def find_entry_of(unit: Unit, task_id: UUID) -> Row[Any]:
    """The newest entry of a task, or `UnknownEntryError`."""
    query = select(dead_letters).where(dead_letters.c.task_id == task_id).order_by(dead_letters.c.id.desc()).limit(1)
    found = (await unit.session.execute(query)).one_or_none()
    if found is None:
        raise UnknownEntryError(f"There is no entry of the task {task_id} among the dead letters.")
    return found


async def measure_entries(unit: Unit) -> list[dict[str, Any]]:
    """Counts and ages by reason (contract, section 8)."""
    rows = (await unit.session.execute(select(dead_letters))).all()
    return [_measure(reason, [row for row in rows if row.reason == reason]) for reason in DeadLetterReason]


def _measure(reason: DeadLetterReason, rows: list[Row[Any]]) -> dict[str, Any]:
    moments = sorted(row.at for row in rows)
    minutes = [(row.resolved_at - row.at).total_seconds() / 60 for row in rows if row.resolved_at is not None]

    def count(resolution: Resolution) -> int:
        return sum(row.resolution == resolution for row in rows)

    return {
        "dlq_reason": reason.value,
        "total_entries": len(rows),
        "pending": count(Resolution.PENDING),
        "manually_resolved": count(Resolution.MANUALLY_RESOLVED),
        "permanent_failures": count(Resolution.PERMANENTLY_FAILED),
        "cancelled": count(Resolution.CANCELLED),
        "oldest_entry": moments[0].isoformat() if moments else None,
        "newest_entry": moments[-1].isoformat() if moments else None,
        "avg_resolution_time_minutes": round(sum(minutes) / len(minutes), 2) if minutes else None,
    }

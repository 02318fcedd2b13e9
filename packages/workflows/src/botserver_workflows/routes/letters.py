"""`/v1/dlq`: tasks that a person has to look at."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query

from botserver_workflows.deadletters import Resolution, find_entry_of, list_entries, measure_entries, resolve_entry
from botserver_workflows.routes.forms import Id, InvestigationForm, TaskId
from botserver_workflows.staleness import describe_stay, list_ages

if TYPE_CHECKING:
    from sqlalchemy import Row

    from botserver_workflows.context import Workflows
    from botserver_workflows.unit import Unit

EntryId = Annotated[Id, Path(description="The id of an entry.")]


def create_letters_router(workflows: Workflows) -> APIRouter:
    """The routes of dead letters."""
    router = APIRouter()
    store = workflows.store

    @router.get("/v1/dlq", summary="List entries, the newest first")
    async def index(
        resolution_status: Resolution | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    ) -> list[dict[str, Any]]:
        rows = await store.read(partial(list_entries, resolution=resolution_status, limit=limit, offset=offset))
        return [describe_entry(row) for row in rows]

    @router.get("/v1/dlq/stats", summary="How many entries there are, by reason")
    async def stats() -> list[dict[str, Any]]:
        return await store.read(measure_entries)

    @router.get("/v1/dlq/investigation-queue", summary="Entries that wait for a person, the oldest first")
    async def queue(limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> list[dict[str, Any]]:
        rows = await store.read(
            partial(list_entries, resolution=Resolution.PENDING, limit=limit, offset=0, oldest_first=True)
        )
        return [describe_entry(row) for row in rows]

    @router.get("/v1/dlq/staleness", summary="Tasks that have not ended, the oldest first, and how long they may stay")
    async def staleness(limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> list[dict[str, Any]]:
        ages = await store.read(partial(list_ages, after=None, limit=limit))
        return [describe_stay(stay, age) for stay, age in ages]

    @router.get("/v1/dlq/task/{task_uuid}", summary="The newest entry of a task")
    async def of_task(task_uuid: TaskId) -> dict[str, Any]:
        return describe_entry(await store.read(partial(find_entry_of, task_id=task_uuid)))

    @router.patch("/v1/dlq/entry/{entry_uuid}", summary="Note what came of an entry")
    async def resolve(entry_uuid: EntryId, form: InvestigationForm) -> dict[str, Any]:
        async def work(unit: Unit) -> None:
            await resolve_entry(
                unit,
                entry_uuid,
                form.resolution_status,
                notes=form.resolution_notes,
                by=form.resolved_by,
                metadata=form.metadata,
            )

        await store.write(form.resolved_by or "client", work)
        return {
            "success": True,
            "message": "Investigation status updated successfully",
            "dlq_entry_uuid": str(entry_uuid),
        }

    return router


def describe_entry(row: Row[Any]) -> dict[str, Any]:
    """One entry as clients read it (contract, section 8)."""
    return {
        "dlq_entry_uuid": str(row.id),
        "task_uuid": str(row.task_id),
        "original_state": row.original_state,
        "dlq_reason": row.reason,
        "dlq_timestamp": row.at.isoformat(),
        "resolution_status": row.resolution,
        "resolution_timestamp": None if row.resolved_at is None else row.resolved_at.isoformat(),
        "resolution_notes": row.resolution_notes,
        "resolved_by": row.resolved_by,
        "task_snapshot": row.snapshot,
        "metadata": row.metadata,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }

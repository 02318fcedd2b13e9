"""`/v1/workers`: who runs steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from botserver_workflows.errors import UnknownWorkerError
from botserver_workflows.leases import Worker, list_workers
from botserver_workflows.routes.forms import Id  # noqa: TC001 - FastAPI reads the annotation

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from botserver_workflows.unit import Store


def create_workers_router(store: Store) -> APIRouter:
    """The routes of workers."""
    router = APIRouter()

    @router.get("/v1/workers", summary="The workers, the newest life first")
    async def workers(namespace: str | None = None) -> list[dict[str, Any]]:
        found, now = await store.read(_list)
        return [describe_worker(it, now) for it in found if namespace is None or namespace in it.namespaces]

    @router.get("/v1/workers/{worker_id}/status", summary="One worker")
    async def status(worker_id: Id) -> dict[str, Any]:
        return await _worker(worker_id)

    @router.get("/v1/workers/{worker_id}/health", summary="Whether a worker lives")
    async def health(worker_id: Id) -> dict[str, Any]:
        found = await _worker(worker_id)
        return {"worker_id": found["worker_id"], "status": found["health"], "lease_until": found["lease_until"]}

    async def _worker(worker_id: UUID) -> dict[str, Any]:
        found, now = await store.read(_list)
        for it in found:
            if it.id == worker_id:
                return describe_worker(it, now)
        raise UnknownWorkerError(f"There is no worker {worker_id}.")

    return router


async def _list(unit: Any) -> tuple[list[Worker], datetime]:
    return await list_workers(unit), unit.now


def describe_worker(worker: Worker, now: datetime) -> dict[str, Any]:
    """One life of a worker as clients read it."""
    healthy = worker.state == "live" and worker.lease_until > now
    return {
        "worker_id": str(worker.id),
        "name": worker.name,
        "status": "active" if healthy else worker.state,
        "health": "healthy" if healthy else "unhealthy",
        "worker_type": "python",
        "namespaces": worker.namespaces,
        "registered_handlers": worker.handlers,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "started_at": worker.started_at.isoformat(),
        "lease_until": worker.lease_until.isoformat(),
        "uptime_seconds": max(0, round((min(now, worker.lease_until) - worker.started_at).total_seconds())),
    }

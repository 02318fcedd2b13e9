"""What a worker tells of itself: `/status`, `/handlers` and `/templates` (contract, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from botserver_workflows.errors import UnknownTemplateError
from botserver_workflows.queries import measure_depths
from botserver_workflows.routes.registry import describe_template
from botserver_workflows.routes.workers import create_workers_router

if TYPE_CHECKING:
    from botserver_workflows.context import Working
    from botserver_workflows.template import Template
    from botserver_workflows.unit import Unit

#: From how many steps that wait on a namespace is in want of workers, and in urgent want.
WARNING_DEPTH, CRITICAL_DEPTH = 100, 500


def create_working_router(working: Working) -> APIRouter:
    """The routes of a worker."""
    router = APIRouter()
    router.include_router(create_workers_router(working.store))

    @router.get("/status", summary="This worker")
    async def status() -> dict[str, Any]:
        return describe_self(working, await working.store.read(_now_of))

    @router.get("/status/detailed", summary="This worker, with what waits for it")
    async def detailed() -> dict[str, Any]:
        return {**describe_self(working, await working.store.read(_now_of)), "namespaces": await _depths()}

    @router.get("/status/namespaces", summary="How many steps wait in each namespace of this worker")
    async def namespaces() -> list[dict[str, Any]]:
        return await _depths()

    @router.get("/handlers", summary="The handlers that this worker has")
    async def handlers() -> dict[str, Any]:
        names = sorted(working.lives.handlers)
        return {"handlers": names, "total_count": len(names)}

    @router.get("/templates", summary="The templates of the namespaces of this worker")
    async def templates() -> list[dict[str, Any]]:
        return [describe_template(it) for it in _templates(working)]

    @router.get("/templates/{namespace}/{name}/{version}", summary="One template")
    async def template(namespace: str, name: str, version: str) -> dict[str, Any]:
        return describe_template(_find(working, namespace, name, version))

    @router.get("/templates/{namespace}/{name}/{version}/validate", summary="Whether this worker can run a template")
    async def validate(namespace: str, name: str, version: str) -> dict[str, Any]:
        found = _find(working, namespace, name, version)
        missing = sorted({step.handler for step in found.steps} - set(working.lives.handlers))
        return {"valid": not missing, "errors": [f"There is no handler {it}." for it in missing]}

    async def _depths() -> list[dict[str, Any]]:
        depths = await working.store.read(measure_depths)
        return [describe_depth(it, depths.get(it, 0)) for it in working.lives.options.namespaces]

    return router


def describe_self(working: Working, now: Any) -> dict[str, Any]:
    """The worker as clients read it."""
    lives = working.lives
    worker, options = lives.current, lives.options
    return {
        "worker_id": None if worker.id is None else str(worker.id),
        "name": options.name,
        "worker_type": "python",
        "status": "active" if worker.id is not None else "starting",
        "uptime_seconds": max(0, round((now - lives.began).total_seconds())),
        "configuration": {"slots": options.slots, "lease_seconds": options.lease_seconds},
        "capabilities": list(options.namespaces),
        "performance_metrics": {
            "steps_running": worker.running,
            "steps_succeeded": worker.succeeded,
            "steps_failed": worker.failed,
        },
        "registered_handlers": sorted(lives.handlers),
    }


def describe_depth(namespace: str, depth: int) -> dict[str, Any]:
    """How a namespace stands, by the number of steps that wait in it."""
    health = "healthy" if depth < WARNING_DEPTH else "warning" if depth < CRITICAL_DEPTH else "critical"
    return {"namespace": namespace, "queue_depth": depth, "status": health}


async def _now_of(unit: Unit) -> Any:
    return unit.now


def _templates(working: Working) -> list[Template]:
    namespaces = working.lives.options.namespaces
    return [it for it in working.library.templates if it.namespace in namespaces]


def _find(working: Working, namespace: str, name: str, version: str) -> Template:
    for it in _templates(working):
        if (it.namespace, it.name, it.version) == (namespace, name, version):
            return it
    raise UnknownTemplateError(f"Task template not found: {namespace}/{name}/{version}")

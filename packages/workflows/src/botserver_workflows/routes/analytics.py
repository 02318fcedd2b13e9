"""`/v1/analytics`: how fast tasks and steps have been."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from botserver_workflows.analytics import find_bottlenecks, measure_performance

if TYPE_CHECKING:
    from botserver_workflows.context import Workflows


def create_analytics_router(workflows: Workflows) -> APIRouter:
    """The routes of figures."""
    router = APIRouter()
    store = workflows.store

    @router.get("/v1/analytics/performance", summary="Figures of the last hours")
    async def performance(hours: Annotated[int, Query(ge=1, le=24 * 365)] = 24) -> dict[str, Any]:
        return await store.read(partial(measure_performance, hours=hours))

    @router.get("/v1/analytics/bottlenecks", summary="The slowest steps and tasks")
    async def bottlenecks(
        limit: Annotated[int, Query(ge=1, le=100)] = 10, min_executions: Annotated[int, Query(ge=1, le=10**6)] = 5
    ) -> dict[str, Any]:
        return await store.read(partial(find_bottlenecks, limit=limit, min_executions=min_executions))

    return router

"""The first page: what is installed here, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from botserver_core.health import check_services
from botserver_core.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botserver_core.health import Health
    from botstate import AppState, Service


class _Entry(TypedDict):
    name: str
    summary: str
    paths: list[str]
    page: str
    ready: bool
    trouble: str


def create_index_router(state: AppState, services: Sequence[Service]) -> APIRouter:
    """`/`: HTML for a browser, JSON for everybody else."""
    router = APIRouter(tags=["index"])

    @router.get("/", summary="What is installed here", response_class=JSONResponse)
    async def index(request: Request) -> Response:
        entries = _describe(services, await check_services(state, services))
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"services": entries}, headers={"Vary": "Accept"})
        ready = all(entry["ready"] for entry in entries)
        return render_page(request, "botserver_core/index.html", services=entries, ready=ready)

    return router


def _describe(services: Sequence[Service], found: Sequence[Health]) -> list[_Entry]:
    return [
        _Entry(
            name=service.name,
            summary=service.summary,
            paths=list(service.paths),
            page=service.page,
            ready=health.ready,
            trouble=health.trouble,
        )
        for service, health in zip(services, found, strict=True)
    ]

"""The first page: what is installed here, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from botserver_core.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botserver_core.health import Checks, Health
    from botstate import Service


class Entry(BaseModel):
    """One service, as the first page shows it."""

    name: str
    summary: str
    paths: list[str]
    page: str
    ready: bool
    trouble: str


class Overview(BaseModel):
    """What is installed."""

    services: list[Entry]


def create_index_router(services: Sequence[Service], checks: Checks) -> APIRouter:
    """`/`: HTML for a browser, JSON for everybody else."""
    router = APIRouter(tags=["index"])

    @router.get("/", summary="What is installed here", response_model=Overview)
    async def index(request: Request) -> Response:
        entries = _describe(services, await checks.ask())
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(Overview(services=entries).model_dump(), headers={"Vary": "Accept"})
        ready = all(entry.ready for entry in entries)
        return render_page(request, "botserver_core/index.html", services=entries, ready=ready)

    return router


def _describe(services: Sequence[Service], found: Sequence[Health]) -> list[Entry]:
    return [
        Entry(
            name=service.name,
            summary=service.summary,
            paths=[*service.paths, *service.exact_paths],
            page=service.page,
            ready=health.ready,
            trouble=health.trouble,
        )
        for service, health in zip(services, found, strict=True)
    ]

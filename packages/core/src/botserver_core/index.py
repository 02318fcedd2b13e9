"""The first page: what is installed here, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from botserver_core.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botserver_core.health import Checks, Health
    from botstate import Service


class Entry(TypedDict):
    """One service, as the first page shows it."""

    name: str
    summary: str
    paths: list[str]
    page: str
    ready: bool
    trouble: str


class Overview(TypedDict):
    """What is installed."""

    services: list[Entry]


def create_index_router(services: Sequence[Service], checks: Checks) -> APIRouter:
    """`/`: HTML for a browser, JSON for everybody else."""
    router = APIRouter(tags=["index"])

    @router.get("/", summary="What is installed here", response_model=Overview)
    async def index(request: Request) -> Response:
        entries = _describe(services, await checks.ask())
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"services": entries}, headers={"Vary": "Accept"})
        ready = all(entry["ready"] for entry in entries)
        return render_page(request, "botserver_core/index.html", services=entries, ready=ready)

    return router


def _describe(services: Sequence[Service], found: Sequence[Health]) -> list[Entry]:
    return [
        Entry(
            name=service.name,
            summary=service.summary,
            paths=list(service.paths),
            page=service.page,
            ready=health.ready,
            trouble=health.trouble,
        )
        for service, health in zip(services, found, strict=True)
    ]

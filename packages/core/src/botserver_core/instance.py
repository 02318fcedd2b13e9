"""Tells which server this is, to whoever started it and wants to be sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import Service

if TYPE_CHECKING:
    from fastapi import APIRouter

    from botstate import AppState


def tell_instance(name: str) -> tuple[Service, ...]:
    """A service that answers GET /instance with this name; none when it is "". Nobody needs to log in for it."""
    if not name:
        return ()

    def create_router(_state: AppState) -> APIRouter:
        from fastapi import APIRouter
        from starlette.responses import PlainTextResponse

        router = APIRouter()

        @router.get("/instance", include_in_schema=False)
        async def instance() -> PlainTextResponse:
            return PlainTextResponse(name)

        return router

    return (
        Service(
            name="instance", summary="Says which server this is.", create_router=create_router, paths=("/instance",)
        ),
    )

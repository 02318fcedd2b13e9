"""The manifest: what this service offers, what it needs, and which paths are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_containers.capability import ORCHESTRATOR, open_orchestrator, open_runner
from botserver_containers.settings import ContainersSettings
from botstate import CHANNELS, CLOCK, CONTAINERS, DATA_FOLDER, RANDOMNESS, SECRETS, SETTINGS, Provider, Service

if TYPE_CHECKING:
    from fastapi import APIRouter

    from botstate import AppState


def _create_router(state: AppState) -> APIRouter:
    from botserver_containers.router import create_router  # FastAPI: half a second that commands do not need

    return create_router(state)


async def check(state: AppState) -> None:
    """Raise when nobody looks after the apps."""
    await state.require(ORCHESTRATOR).check()


service = Service(
    name="containers",
    summary="Installs, runs and keeps up apps in containers.",
    create_router=_create_router,
    paths=("/rpc", "/ws/db", "/containers"),
    page="/containers/",
    settings=ContainersSettings,
    provides=(Provider(ORCHESTRATOR, open_orchestrator), Provider(CONTAINERS, open_runner)),
    requires=(SETTINGS, DATA_FOLDER, CLOCK, RANDOMNESS, SECRETS, CHANNELS),
    check=check,
)

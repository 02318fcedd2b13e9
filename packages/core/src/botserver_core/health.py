"""Whether the server lives, and whether it can work: each service has its say."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter
from starlette.responses import JSONResponse

from botlib import BotError
from botstate import STANDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botserver_core.stopping import Switch
    from botstate import AppState, Service

#: Seconds that the check of a service may take.
CHECK_TIME_LIMIT = 2.0

_log = logging.getLogger(__name__)


class Health(NamedTuple):
    """The health of one service now. `trouble` is "" when it is ready."""

    service: str
    trouble: str

    @property
    def ready(self) -> bool:
        """Whether it can work."""
        return not self.trouble


def troubles_at_start(state: AppState) -> dict[str, str]:
    """Service -> why it did not start, "" when it did. Empty for a state that was not composed."""
    return {it.service: it.trouble for it in state.require(STANDINGS)} if state.has(STANDINGS) else {}


async def check_services(state: AppState, services: Sequence[Service]) -> tuple[Health, ...]:
    """The health of all of them, asked at the same time, in the given order."""
    at_start = troubles_at_start(state)
    found = await asyncio.gather(*(_check(service, state, at_start.get(service.name, "")) for service in services))
    return tuple(Health(service.name, trouble) for service, trouble in zip(services, found, strict=True))


def create_health_router(state: AppState, services: Sequence[Service], switch: Switch) -> APIRouter:
    """`/health` and `/health/ready` tell the same; `/health/live` only that the process answers."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live", summary="The process answers")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health", summary="Every service, and whether it can work")
    @router.get("/health/ready", summary="Whether work may be sent here")
    async def ready() -> JSONResponse:
        found = await check_services(state, services)
        status = "stopping" if switch.stopping else "ready" if all(it.ready for it in found) else "not ready"
        listed = [{"name": it.service, "ready": it.ready, "trouble": it.trouble} for it in found]
        return JSONResponse({"status": status, "services": listed}, 200 if status == "ready" else 503)

    return router


async def _check(service: Service, state: AppState, trouble: str) -> str:
    if trouble or service.check is None:
        return trouble
    limit = asyncio.timeout(CHECK_TIME_LIMIT)
    try:
        async with limit:
            await service.check(state)
    except Exception as error:  # noqa: BLE001 - whatever a check raises, the others are heard
        if limit.expired():
            return f"It did not answer within {CHECK_TIME_LIMIT:g} seconds."
        _log.warning("the check of %s failed", service.name, exc_info=error)
        return str(error) if isinstance(error, BotError) else f"{type(error).__name__}. The log says more."
    return ""

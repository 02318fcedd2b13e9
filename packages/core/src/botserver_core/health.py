"""Whether the server lives, and whether it can work: each service has its say."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from botlib import BotError
from botserver_core.events import Event, stream_events
from botstate import CLOCK, STANDINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from botserver_core.stopping import Switch
    from botstate import AppState, Service

#: Seconds that the check of a service may take.
CHECK_TIME_LIMIT = 2.0

#: Seconds between two looks while a page watches.
WATCH_INTERVAL = 5.0

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
        return JSONResponse({"status": status, "services": _listed(found)}, 200 if status == "ready" else 503)

    @router.get("/health/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        return stream_events(request, watch)

    async def watch(_last_id: str) -> AsyncIterator[Event]:
        told: tuple[Health, ...] | None = None
        while True:
            found = await check_services(state, services)
            if found != told:
                told = found
                yield Event("health", {"ready": all(it.ready for it in found), "services": _listed(found)})
            await state.require(CLOCK).sleep(WATCH_INTERVAL)

    return router


def _listed(found: Sequence[Health]) -> list[dict[str, object]]:
    return [{"name": it.service, "ready": it.ready, "trouble": it.trouble} for it in found]


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

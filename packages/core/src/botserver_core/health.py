"""Whether the server lives, has started, and can work: each service has its say."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from botlib import BotError
from botserver_core.events import Event, stream_events
from botstate import STANDINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from botlib import Clock
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


class Checks:
    """Asks the services of one application how they are.

    `mounted` tells which services mount an application that did not start; it changes while the server runs.
    """

    def __init__(self, state: AppState, services: Sequence[Service], mounted: Mapping[str, str]) -> None:
        self._state = state
        self._services = services
        self._mounted = mounted
        self._notes: dict[str, str] = {}

    def trouble_at_start(self, name: str) -> str:
        """Why the service has not started, "" when it has, as far as is known now."""
        if not self._state.has(STANDINGS):
            return ""
        return next((it.trouble for it in self._state.require(STANDINGS) if it.service == name), "")

    def describe_start(self, name: str) -> str:
        """Why the service does not answer, in one sentence for its callers."""
        trouble = self.trouble_at_start(name)
        return f"{name} did not start: {trouble}" if trouble else f"{name} does not answer: {self._notes.get(name, '')}"

    def note(self, name: str, trouble: str) -> None:
        """Put down what core itself found wrong with a service."""
        self._notes[name] = trouble

    async def ask(self) -> tuple[Health, ...]:
        """The health of all of them, asked at the same time, in the given order."""
        found = await asyncio.gather(*(self._ask(service) for service in self._services))
        return tuple(Health(service.name, trouble) for service, trouble in zip(self._services, found, strict=True))

    def started(self) -> tuple[Health, ...]:
        """How each service has started, without asking anybody."""
        return tuple(Health(service.name, self._known_trouble(service.name)) for service in self._services)

    def _known_trouble(self, name: str) -> str:
        return self.trouble_at_start(name) or self._notes.get(name, "") or self._mounted.get(name, "")

    async def _ask(self, service: Service) -> str:
        trouble = self._known_trouble(service.name)
        if trouble or service.check is None:
            return trouble
        limit = asyncio.timeout(CHECK_TIME_LIMIT)
        try:
            async with limit:
                await service.check(self._state)
        except Exception as error:  # noqa: BLE001 - whatever a check raises, the others are heard
            if limit.expired():
                return f"It did not answer within {CHECK_TIME_LIMIT:g} seconds."
            _log.warning("the check of %s failed", service.name, exc_info=error)
            return str(error) if isinstance(error, BotError) else f"{type(error).__name__}. The log says more."
        return ""


_Status = Literal["ready", "not ready", "stopping", "started"]


class ServiceHealth(BaseModel):
    """One service."""

    name: str
    ready: bool
    trouble: str = Field(description="Why it is not ready; empty when it is.")


class HealthReport(BaseModel):
    """The whole server."""

    status: _Status
    services: list[ServiceHealth]


class Life(BaseModel):
    """The process."""

    status: Literal["live"] = "live"


def create_health_router(checks: Checks, switch: Switch, clock: Clock) -> APIRouter:
    """`/health` and `/health/ready` tell the same, `/health/startup` that starting is over, `/health/live` no more."""
    router = APIRouter(tags=["health"])
    not_ready: dict[int | str, dict[str, Any]] = {
        503: {"model": HealthReport, "description": "Not every service can work, or the server is stopping."}
    }

    @router.get("/health/live", summary="The process answers")
    async def live() -> Life:
        return Life()

    @router.get("/health/startup", summary="Every service was started, or tried once")
    async def startup() -> HealthReport:
        return _report("started", checks.started())

    @router.get("/health", summary="Every service, and whether it can work", responses=not_ready)
    @router.get("/health/ready", summary="Whether work may be sent here", responses=not_ready)
    async def ready() -> HealthReport:
        found = await checks.ask()
        status: _Status = "stopping" if switch.stopping else "ready" if all(it.ready for it in found) else "not ready"
        report = _report(status, found)
        if status == "ready":
            return report
        return JSONResponse(report.model_dump(), 503)  # type: ignore[return-value]  # FastAPI takes a response as it is

    @router.get("/health/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        return stream_events(request, watch)

    async def watch(_last_id: str) -> AsyncIterator[Event]:
        told: tuple[Health, ...] | None = None
        while True:
            found = await checks.ask()
            if found != told:
                told = found
                ready = all(it.ready for it in found)
                yield Event("health", {"ready": ready, "services": [it.model_dump() for it in _services(found)]})
            await clock.sleep(WATCH_INTERVAL)

    return router


def _report(status: _Status, found: Sequence[Health]) -> HealthReport:
    return HealthReport(status=status, services=_services(found))


def _services(found: Sequence[Health]) -> list[ServiceHealth]:
    return [ServiceHealth(name=it.service, ready=it.ready, trouble=it.trouble) for it in found]

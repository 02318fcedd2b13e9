"""One application made of the routers of many services."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from botserver_core.documents import create_documents_router
from botserver_core.files import create_files_router
from botserver_core.gate import Gate
from botserver_core.health import Checks, create_health_router
from botserver_core.index import create_index_router
from botserver_core.lifespans import Lifespans
from botserver_core.metrics import Metrics, create_metrics_router
from botserver_core.openapi import add_errors
from botserver_core.problems import Problem, install_problems
from botserver_core.rendering import Pages
from botserver_core.settings import web_settings_of
from botserver_core.shapes import Territories, Territory
from botserver_core.sharing import Shared
from botserver_core.stopping import Switch
from botstate import CALLERS, CLOCK, RANDOMNESS, STANDINGS, StartupError, find_clashes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from botserver_core.settings import WebSettings
    from botstate import AppState, Service

#: Paths of the application itself, which no service may claim.
RESERVED = ("/docs", "/health", "/metrics", "/openapi.json", "/static")

_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]

_log = logging.getLogger(__name__)


def create_app(state: AppState, services: Sequence[Service], *, switch: Switch | None = None) -> FastAPI:
    """The application of these services over an opened state, as `botstate.compose` or a test gives it.

    A service that did not start answers every request under its paths with 503 and the reason; when it starts later its
    routes come into service then. The same holds for one whose router cannot be made. Raises `StartupError` when the
    services do not fit together, claim a path of the application, or have routes outside their own paths.
    """
    problems = [*find_clashes(services), *_reserved(services)]
    if problems:
        raise StartupError(*problems)
    return _Assembly(state, services, switch or Switch()).app


class _Assembly:
    """What an application is put together from, and what is put in later."""

    def __init__(self, state: AppState, services: Sequence[Service], switch: Switch) -> None:
        self._state = state
        self._services = {service.name: service for service in services}
        self._lifespans = Lifespans()
        self._metrics = Metrics()
        self._stand_ins: dict[str, Any] = {}
        self._checks = Checks(state, services, self._lifespans.troubles)
        settings = web_settings_of(state)
        clock = state.require(CLOCK)
        pages = Pages(services, state.require(RANDOMNESS))
        self._territories = Territories(_territories(state, services, settings), _own_territory(state, settings))
        shared = Shared(pages, self._territories, switch, clock)
        self.app = FastAPI(
            title="botserver",
            redoc_url=None,
            docs_url=None,
            openapi_url="/openapi.json",
            lifespan=self._live,
            # Whoever wants spans sets a provider; we read no environment, and count by ourselves.
            telemetry={"auto_configure": False, "metrics": False, "logs": False},
        )
        self.app.add_middleware(Gate, state=state, settings=settings, shared=shared, metrics=self._metrics)
        install_problems(self.app)
        # Ours come first: whoever asks whether the server is ready does not wait until FastAPI knows all other routes.
        for router in (
            create_index_router(services, self._checks),
            create_health_router(self._checks, switch, clock),
            create_metrics_router(self._metrics),
            create_documents_router(self._openapi),
            create_files_router(pages.files),
        ):
            self.app.include_router(router)
        self._install_all(services)
        self._bare_openapi = self.app.openapi
        self.app.openapi = self._openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
        if state.has(STANDINGS):
            state.require(STANDINGS).when_started(self._start_late)

    def _install_all(self, services: Sequence[Service]) -> None:
        strays: list[str] = []
        for service in services:
            trouble = self._checks.trouble_at_start(service.name)
            self._metrics.services.labels(service.name).set(0 if trouble else 1)
            strays += self._install(service, trouble)
        if strays:
            raise StartupError(*strays)

    def _install(self, service: Service, trouble: str) -> list[str]:
        """Take the routes of a service into service, or a stand-in for them. The answer are routes out of place."""
        if service.create_router is None:
            return []
        router = None if trouble else self._make_router(service)
        strays = list(_strays(service, router)) if router is not None else []
        if router is None or strays:
            self._stand_ins[service.name] = self._include(service, self._create_stand_in(service))
        else:
            self._include(service, router)
            self._lifespans.add(service.name, router)
        return strays

    def _make_router(self, service: Service) -> APIRouter | None:
        assert service.create_router is not None
        try:
            return service.create_router(self._state)
        except Exception as error:  # noqa: BLE001 - one broken service does not stop the others
            _log.exception("%s has no routes", service.name)
            self._checks.note(service.name, f"Its routes could not be made: {type(error).__name__}. The log says more.")
            return None

    def _include(self, service: Service, router: APIRouter) -> Any:
        self.app.include_router(router, tags=[service.name])
        return self.app.router.routes[-1]

    def _create_stand_in(self, service: Service) -> APIRouter:
        router = APIRouter(include_in_schema=False)

        async def answer(request: Request) -> Response:
            problem = Problem(503, self._checks.describe_start(service.name), "unavailable")
            return self._territories.answer(problem, request.scope["path"])

        for path in service.paths:
            router.add_route(f"{path}/{{rest:path}}", answer, _METHODS)
        for path in (*service.paths, *service.exact_paths):
            router.add_route(path, answer, _METHODS)
        return router

    def _start_late(self, name: str) -> None:
        # In the event loop and without a wait in between, so no request sees it half done.
        service = self._services.get(name)
        if service is None:
            return
        self._metrics.services.labels(name).set(1)
        stand_in = self._stand_ins.pop(name, None)
        if stand_in is not None:
            self.app.router.routes.remove(stand_in)
            self.app.openapi_schema = None  # FastAPI notices only that there are more routes
            for stray in self._install(service, ""):
                _log.error("%s", stray)
                self._checks.note(name, stray)

    def _openapi(self) -> dict[str, Any]:
        document = self._bare_openapi()
        # FastAPI keeps its document, and makes a new one when routes come; what is there stays as it is.
        if "Problem" not in document.get("components", {}).get("schemas", {}):
            add_errors(document, self._territories)
        return document

    @asynccontextmanager
    async def _live(self, _app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._metrics.watch_loop(self._state.require(CLOCK)), name="lag of the loop")
        await self._lifespans.enter()
        try:
            yield
        finally:
            await self._lifespans.leave()
            watching.cancel()


def _territories(state: AppState, services: Sequence[Service], settings: WebSettings) -> Iterator[Territory]:
    common = state.require(CALLERS) if state.has(CALLERS) else None
    for service in services:
        callers = service.callers(state) if service.callers is not None else common
        limit = settings.body_bytes if service.body_bytes is None else service.body_bytes
        for path in service.paths:
            yield Territory(path, service.name, service.errors, limit, callers)
        for path in service.exact_paths:
            yield Territory(path, service.name, service.errors, limit, callers, exact=True)


def _own_territory(state: AppState, settings: WebSettings) -> Territory:
    callers = state.require(CALLERS) if state.has(CALLERS) else None
    return Territory("/", "", None, settings.body_bytes, callers)


def _reserved(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        for path in (*service.paths, *service.exact_paths):
            if path.startswith(tuple(f"{own}/" for own in RESERVED)) or path in RESERVED:
                yield f"{service.name} claims {path}, which belongs to the application itself. Choose another path."


def _strays(service: Service, router: APIRouter) -> Iterator[str]:
    for context in iter_route_contexts(router.routes):
        path = context.path
        if path is None or path in service.exact_paths:
            continue
        if not any(f"{path}/".startswith(f"{claim}/") for claim in service.paths):
            claims = " or ".join((*service.paths, *service.exact_paths))
            yield f"{service.name} has a route {path} outside of {claims}. Add its path to `paths` in the manifest."

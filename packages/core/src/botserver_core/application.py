"""One application made of the routers of many services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from botserver_core.documents import create_documents_router
from botserver_core.files import create_files_router
from botserver_core.health import create_health_router, troubles_at_start
from botserver_core.index import create_index_router
from botserver_core.problems import Problem, install_problems
from botserver_core.rendering import Pages
from botserver_core.requests import RequestLayer
from botserver_core.sharing import Shared
from botserver_core.stopping import Switch
from botstate import CLOCK, IDS, RANDOMNESS, StartupError, find_clashes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from botstate import AppState, Service

#: Paths of the application itself, which no service may claim.
RESERVED = ("/docs", "/health", "/metrics", "/openapi.json", "/static")

_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


def create_app(state: AppState, services: Sequence[Service], *, switch: Switch | None = None) -> FastAPI:
    """The application of these services over an opened state, as `botstate.compose` or a test gives it.

    A service that did not start answers every request under its paths with 503 and the reason. Raises `StartupError`
    when the services do not fit together, claim a path of the application, or have routes outside their own paths.
    """
    troubles = troubles_at_start(state)
    routers = [
        (it, _router_of(it, state, troubles.get(it.name, ""))) for it in services if it.create_router is not None
    ]
    problems = [*find_clashes(services), *_reserved(services), *_strays(routers)]
    if problems:
        raise StartupError(*problems)
    switch = switch or Switch()
    shared = Shared(Pages(services, state.require(RANDOMNESS)), switch, state.require(CLOCK))
    app = FastAPI(title="botserver", redoc_url=None, docs_url=None, openapi_url="/openapi.json")
    app.add_middleware(RequestLayer, ids=state.require(IDS), shared=shared)
    install_problems(app)
    app.include_router(create_index_router(state, services))
    app.include_router(create_health_router(state, services, switch))
    app.include_router(create_documents_router(app.openapi))
    app.include_router(create_files_router(shared.pages.files))
    for service, router in routers:
        app.include_router(router, tags=[service.name])
    return app


def _router_of(service: Service, state: AppState, trouble: str) -> APIRouter:
    assert service.create_router is not None
    return _unavailable(service, trouble) if trouble else service.create_router(state)


def _unavailable(service: Service, trouble: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def answer(_request: Request) -> Response:
        return Problem(503, f"{service.name} did not start: {trouble}", "unavailable").to_response()

    for path in service.paths:
        router.add_route(path, answer, _METHODS)
        router.add_route(f"{path}/{{rest:path}}", answer, _METHODS)
    return router


def _reserved(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        for path in service.paths:
            if path.startswith(tuple(f"{own}/" for own in RESERVED)) or path in RESERVED:
                yield f"{service.name} claims {path}, which belongs to the application itself. Choose another path."


def _strays(routers: Sequence[tuple[Service, APIRouter]]) -> Iterator[str]:
    for service, router in routers:
        for context in iter_route_contexts(router.routes):
            path = context.path
            if path is not None and not any(f"{path}/".startswith(f"{claim}/") for claim in service.paths):
                claims = " or ".join(service.paths)
                yield f"{service.name} has a route {path} outside of {claims}. Add its path to `paths` in the manifest."

"""What `/metrics` tells: one registry an application, and labels of which there can only be few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from botlib import Clock

#: Seconds between two looks at the event loop.
LAG_INTERVAL = 0.5

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_UNKNOWN_ROUTE = "(none)"


class Metrics:
    """Counts of one application. Routes are counted by their template, so that ids in paths make no new series."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Histogram(
            "botserver_http_request_seconds",
            "Time from the first line of a request to the end of its answer.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.running = Gauge("botserver_http_requests_running", "Requests that are being answered.", registry=registry)
        self.sockets = Gauge("botserver_http_sockets_open", "WebSockets that are open.", registry=registry)
        self._refused = Counter(
            "botserver_http_refused_total",
            "Requests refused before a service saw them.",
            ("reason",),
            registry=registry,
        )
        self._lag = Histogram(
            "botserver_loop_lag_seconds",
            "How much later than asked for the event loop woke a task.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.services = Gauge(
            "botserver_service_started",
            "1 for a service that started, 0 for one in trouble.",
            ("service",),
            registry=registry,
        )
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._series: dict[tuple[str, str, int], Histogram] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has got its answer."""
        key = (method, route, status)
        series = self._series.get(key)
        if series is None:
            known = method if method in _METHODS else "OTHER"
            series = self._requests.labels(known, route, str(status))
            if known == method:
                self._series[key] = series
        series.observe(seconds)

    def refused(self, reason: str) -> None:
        """A request was refused; the reason is one of a fixed list of codes."""
        self._refused.labels(reason).inc()

    async def watch_loop(self, clock: Clock) -> None:
        """Measure, for ever, how late the event loop is."""
        while True:
            asked = clock.monotonic() + LAG_INTERVAL
            await clock.sleep(LAG_INTERVAL)
            self._lag.observe(max(clock.monotonic() - asked, 0))


def route_of(scope: MutableMapping[str, Any]) -> str:
    """The template of the route that has answered, or a name for none."""
    context = scope.get("fastapi", _NOTHING).get("effective_route_context")
    found = getattr(context, "path_format", None) or getattr(scope.get("route"), "path_format", None)
    return found if isinstance(found, str) else _UNKNOWN_ROUTE


_NOTHING: dict[str, Any] = {}


def create_metrics_router(metrics: Metrics) -> APIRouter:
    """`/metrics` in the text format of Prometheus."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    def show() -> Response:
        return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router

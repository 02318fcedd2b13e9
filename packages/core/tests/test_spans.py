"""Spans for those who collect them, through the API of OpenTelemetry, and nothing for the others."""

import httpx2
import pytest
from fastapi import APIRouter
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from botserver_core import create_app
from botstate import AppState, Service
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio


def create_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.get("/work/{number}")
    async def work(number: int) -> bool:
        return trace.get_current_span().is_recording() and bool(number)

    return router


async def ask() -> bool:
    app = create_app(fake_state(), [Service(name="work", create_router=create_router, paths=("/work",))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
        found: bool = (await client.get("/work/7?token=canary")).json()
        return found


async def test_nothing_is_recorded_until_somebody_collects(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await ask()

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert await ask()

    (span,) = (it for it in exporter.get_finished_spans() if it.kind is trace.SpanKind.SERVER)
    assert span.name == "GET /work/{number}"
    assert span.attributes is not None
    assert (span.attributes["http.route"], span.attributes["http.response.status_code"]) == ("/work/{number}", 200)
    provider.shutdown()

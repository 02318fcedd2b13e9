"""Services that come late, applications that they mount, and every subset of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import combinations
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from botlib import FakeClock, FakeRandomness, UnavailableError
from botserver_core import create_app
from botstate import STANDINGS, AppState, Capability, Provider, Service, compose, foundation
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio

DRIVE = Capability[str]("drive")
MAIL = Capability[str]("mail")
CHAT = Capability[str]("chat")


def provider(capability: Capability[str], *failures: Exception) -> Provider[str]:
    left = list(failures)

    @asynccontextmanager
    async def open_it(_state: AppState) -> AsyncIterator[str]:
        if left:
            raise left.pop()
        yield capability.name

    return Provider(capability, open_it, time_limit=0.2)


def routes_of(capability: Capability[str]) -> Callable[[AppState], APIRouter]:
    def create_router(state: AppState) -> APIRouter:
        router, found = APIRouter(), state.require(capability)

        @router.get(f"/{capability.name}/name")
        async def name() -> str:
            return found

        return router

    return create_router


def service(capability: Capability[str], *failures: Exception, requires: tuple[Capability[str], ...] = ()) -> Service:
    return Service(
        name=capability.name,
        create_router=routes_of(capability),
        paths=(f"/{capability.name}",),
        provides=(provider(capability, *failures),),
        requires=requires,
    )


@asynccontextmanager
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as it:
        yield it


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[None]:
    """The lifespan, as a server enters and leaves it."""
    async with app.router.lifespan_context(app):
        yield


async def test_a_service_that_starts_late_comes_into_service_without_a_restart() -> None:
    clock = FakeClock()
    services = [
        foundation(clock=clock, randomness=FakeRandomness()),
        service(DRIVE, UnavailableError("The disk is away.")),
        service(CHAT, requires=(DRIVE,)),
    ]
    async with compose(services) as state, client(create_app(state, services)) as it:
        before = [(await it.get(path)).status_code for path in ("/drive/name", "/chat/name", "/chat")]
        document = (await it.get("/openapi.json")).json()
        trouble = (await it.get("/health/startup")).json()
        await clock.advance(6)
        after = [(await it.get(path)).status_code for path in ("/drive/name", "/chat/name", "/chat")]
        ready = (await it.get("/health/ready")).json()["status"]
        new_document = (await it.get("/openapi.json")).json()
        started = 'botserver_service_started{service="drive"} 1.0' in (await it.get("/metrics")).text

    assert (before, after, ready, started) == ([503, 503, 503], [200, 200, 404], "ready", True)
    assert trouble == {
        "status": "started",
        "services": [
            {"name": "foundation", "ready": True, "trouble": ""},
            {"name": "drive", "ready": False, "trouble": "drive did not open: The disk is away."},
            {"name": "chat", "ready": False, "trouble": "It needs drive, which did not start."},
        ],
    }
    assert ("/drive/name" in document["paths"], "/drive/name" in new_document["paths"]) == (False, True)
    assert "4XX" in new_document["paths"]["/drive/name"]["get"]["responses"]


async def hang(_state: AppState) -> None:
    await asyncio.Event().wait()


async def die(_state: AppState) -> None:
    raise UnavailableError("The mail server closed the connection.", remedy="Look at its log.")


async def test_a_provider_that_fails_hangs_or_dies_has_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_core.health.CHECK_TIME_LIMIT", 0.05)

    @asynccontextmanager
    async def never(_state: AppState) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    services = [
        foundation(clock=FakeClock()),
        Service(name="fails", provides=(provider(DRIVE, UnavailableError("The disk is full.", remedy="Make room.")),)),
        Service(name="hangs", provides=(Provider(MAIL, never, time_limit=0.05),)),
        Service(name="waits", requires=(DRIVE, MAIL)),
        Service(name="dies", check=die),
        Service(name="freezes", check=hang),
    ]
    async with compose(services) as state, client(create_app(state, services)) as it:
        answer = await it.get("/health")

    assert answer.status_code == 503
    assert {found["name"]: found["trouble"] for found in answer.json()["services"]} == {
        "foundation": "",
        "fails": "drive did not open: The disk is full. Make room.",
        "hangs": "mail did not open within 0.05 seconds.",
        "waits": "It needs drive and mail, which did not start.",
        "dies": "The mail server closed the connection. Look at its log.",
        "freezes": "It did not answer within 0.05 seconds.",
    }


async def test_every_subset_of_services_that_is_whole_starts() -> None:
    known = {
        "drive": service(DRIVE),
        "mail": service(MAIL, requires=(DRIVE,)),
        "chat": service(CHAT, requires=(DRIVE,)),
        "work": Service(name="work", create_router=lambda _: APIRouter(), paths=("/work",)),
        "check": Service(name="check", check=lambda _: asyncio.sleep(0)),
    }
    tried = 0
    for size in range(len(known) + 1):
        for names in combinations(known, size):
            if {"mail", "chat"} & set(names) and "drive" not in names:
                continue
            services = [foundation(), *(known[name] for name in names)]
            async with compose(services) as state, client(create_app(state, services)) as it:
                health = await it.get("/health")
                found = [(await it.get(f"/{name}/name")).status_code for name in names if name in {"drive", "chat"}]
            assert (health.json()["status"], len(health.json()["services"])) == ("ready", len(services))
            assert found == [200] * len(found)
            tried += 1

    assert tried == 20


async def test_a_router_that_cannot_be_made_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_state: AppState) -> APIRouter:
        raise RuntimeError("password=hunter2")

    services = [Service(name="broken", create_router=broken, paths=("/broken",)), working()]
    async with client(create_app(fake_state(), services)) as it:
        answers = [await it.get(path) for path in ("/broken/x", "/works", "/health")]

    assert [it.status_code for it in answers] == [503, 200, 503]
    assert answers[0].json()["detail"] == (
        "broken does not answer: Its routes could not be made: RuntimeError. The log says more."
    )
    assert answers[2].json()["services"][0]["trouble"] == (
        "Its routes could not be made: RuntimeError. The log says more."
    )
    assert "broken has no routes" in caplog.text


def working() -> Service:
    def create_router(_state: AppState) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/works", lambda: "yes")
        return router

    return Service(name="works", create_router=create_router, paths=("/works",))


class Mounted:
    """A service with an application of its own, which writes down when it is entered and left."""

    def __init__(self, name: str, lines: list[str], failure: Exception | None = None) -> None:
        self._name = name
        self._lines = lines
        self._failure = failure

    def service(self, **more: Any) -> Service:
        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            if self._failure:
                raise self._failure
            self._lines.append(f"enter {self._name}")
            async with asyncio.timeout(100):  # belongs to the task that entered it
                yield
            self._lines.append(f"leave {self._name}")

        def create_router(_state: AppState) -> APIRouter:
            inner = Starlette(routes=[Route("/here", lambda _: PlainTextResponse(self._name))], lifespan=lifespan)
            router = APIRouter()
            router.mount(f"/{self._name}/app", inner)
            router.mount(f"/{self._name}/bare", bare_application)
            return router

        return Service(name=self._name, create_router=create_router, paths=(f"/{self._name}",), **more)


async def bare_application(scope: Any, _receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"bare"})


async def test_mounted_applications_are_entered_and_left() -> None:
    lines: list[str] = []
    app = create_app(fake_state(), [Mounted("one", lines).service(), Mounted("two", lines).service()])
    async with client(app) as it, live(app):
        found = [(await it.get(path)).text for path in ("/one/app/here", "/one/bare/x", "/two/app/here")]
        assert (found, lines) == (["one", "bare", "two"], ["enter one", "enter two"])

    assert lines[2:] == ["leave two", "leave one"]


async def test_an_application_that_is_not_entered_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: frameworks do not enter what is mounted."""
    lines: list[str] = []
    monkeypatch.setattr("botserver_core.lifespans.Lifespans.add", lambda *_: None)
    app = create_app(fake_state(), [Mounted("one", lines).service()])
    async with live(app):
        assert lines == []


async def test_a_mounted_application_that_does_not_start_is_told_by_readiness() -> None:
    lines: list[str] = []
    app = create_app(
        fake_state(), [Mounted("bad", lines, RuntimeError("secret")).service(), Mounted("good", lines).service()]
    )
    async with client(app) as it, live(app):
        health = (await it.get("/health")).json()["services"]

    assert health == [
        {
            "name": "bad",
            "ready": False,
            "trouble": "An application that it mounts did not start. The log says more.",
        },
        {"name": "good", "ready": True, "trouble": ""},
    ]
    assert lines == ["enter good", "leave good"]


async def test_an_application_of_a_late_service_is_entered_when_it_comes() -> None:
    clock, lines = FakeClock(), list[str]()
    late = Mounted("late", lines).service(provides=(provider(DRIVE, UnavailableError("Away.")),))
    services = [foundation(clock=clock, randomness=FakeRandomness()), late]
    async with compose(services) as state:
        app = create_app(state, services)
        async with client(app) as it, live(app):
            assert ((await it.get("/late/app/here")).status_code, lines) == (503, [])
            await clock.advance(6)
            assert ((await it.get("/late/app/here")).text, lines) == ("late", ["enter late"])
            assert state.require(STANDINGS).of("late").tries == 2

    assert lines == ["enter late", "leave late"]


async def test_an_application_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_core.lifespans.TIME_LIMIT", 0.05)

    async def hanging(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        await asyncio.Event().wait()

    def create_router(_state: AppState) -> APIRouter:
        router = APIRouter()
        router.mount("/hangs/app", hanging)
        return router

    app = create_app(fake_state(), [Service(name="hangs", create_router=create_router, paths=("/hangs",))])
    async with client(app) as it, live(app):
        health = (await it.get("/health")).json()["services"]

    assert health[0]["trouble"] == "An application that it mounts did not start within 0.05 seconds."

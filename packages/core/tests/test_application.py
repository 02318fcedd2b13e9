import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, HTTPException, Response, WebSocket
from starlette.types import Message, Scope

from botlib import (
    BotError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    LimitError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from botserver_core import create_app, current_request_id
from botserver_core.stopping import Switch
from botstate import AppState, Capability, Provider, Service, StartupError, compose, foundation
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio

DRIVE = Capability[str]("drive")

FAILURES: dict[str, Exception] = {
    "invalid": InvalidError("The name is empty.", remedy="Write one."),
    "unauthenticated": UnauthenticatedError("Log in."),
    "forbidden": ForbiddenError("Not yours."),
    "missing": NotFoundError("No such mail."),
    "conflict": ConflictError("Sent already."),
    "limit": LimitError("Too many.", retry_after=1.2),
    "unavailable": UnavailableError("The mail server is away."),
    "teapot": HTTPException(418, "short and stout", {"X-Pot": "1"}),
    "unforeseen": RuntimeError("password=hunter2"),
    "unknown-kind": BotError("password=hunter2"),
}


def create_mail_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.get("/mail/failures/{name}")
    async def fail(name: str) -> None:
        raise FAILURES[name]

    @router.post("/mail/{number}")
    async def send(number: int) -> dict[str, str]:
        return {"sent": str(number), "request": current_request_id()}

    @router.get("/mail/empty")
    async def empty() -> Response:
        raise HTTPException(304)

    @router.websocket("/mail/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        if await socket.receive_text() == "fail":
            raise RuntimeError("in the middle of a talk")
        await socket.close()

    return router


MAIL = Service(name="mail", summary="Letters & <parcels>.", create_router=create_mail_router, paths=("/mail",))


@asynccontextmanager
async def client(
    *services: Service, state: AppState | None = None, switch: Switch | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(state or fake_state(), services, switch=switch)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as it:
        yield it


async def get(path: str, *services: Service, headers: dict[str, str] | None = None) -> httpx2.Response:
    async with client(*services) as it:
        return await it.get(path, headers=headers)


async def test_it_starts_without_any_service() -> None:
    answer = await get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "services": []})


async def test_the_first_page_lists_what_is_installed() -> None:
    answer = await get("/", MAIL)

    assert answer.json() == {
        "services": [
            {
                "name": "mail",
                "summary": "Letters & <parcels>.",
                "paths": ["/mail"],
                "page": "",
                "ready": True,
                "trouble": "",
            }
        ]
    }


async def test_the_first_page_is_html_for_a_browser() -> None:
    answer = await get("/", MAIL, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert (answer.headers["content-type"], answer.headers["vary"]) == ("text/html; charset=utf-8", "Accept")
    assert "<h2>mail</h2>" in answer.text
    assert "<p>Letters &amp; &lt;parcels&gt;.</p>" in answer.text
    assert '<span class="badge good">ready</span>' in answer.text


async def test_routes_of_services_are_served_and_documented() -> None:
    async with client(MAIL) as it:
        sent = await it.post("/mail/7", headers={"X-Request-ID": "abc-1"})
        paths = (await it.get("/openapi.json")).json()["paths"]
        documented = (await it.get("/docs")).status_code

    assert sent.json() == {"sent": "7", "request": "abc-1"}
    assert documented == 200
    assert {"/", "/health", "/health/live", "/health/ready", "/mail/{number}"} <= set(paths)
    assert paths["/mail/{number}"]["post"]["tags"] == ["mail"]


@pytest.mark.parametrize(
    ("name", "status", "detail", "code"),
    [
        ("invalid", 400, "The name is empty. Write one.", "invalid"),
        ("unauthenticated", 401, "Log in.", "unauthenticated"),
        ("forbidden", 403, "Not yours.", "forbidden"),
        ("missing", 404, "No such mail.", "not-found"),
        ("conflict", 409, "Sent already.", "conflict"),
        ("limit", 429, "Too many.", "limit-reached"),
        ("unavailable", 503, "The mail server is away.", "unavailable"),
    ],
)
async def test_an_error_of_the_platform_is_a_problem(name: str, status: int, detail: str, code: str) -> None:
    answer = await get(f"/mail/failures/{name}", MAIL)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == status
    assert answer.json() == {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}


async def test_a_limit_says_when_to_come_back() -> None:
    answer = await get("/mail/failures/limit", MAIL)

    assert answer.headers["retry-after"] == "2"


async def test_errors_of_the_framework_are_problems_too() -> None:
    async with client(MAIL) as it:
        answers = [
            await it.get("/nothing"),
            await it.put("/mail/7"),
            await it.get("/mail/failures/teapot"),
            await it.get("/mail/empty"),
        ]

    assert [(it.status_code, it.headers.get("content-type"), it.text) for it in answers] == [
        (404, "application/problem+json", '{"title": "Not Found", "status": 404, "code": "not-found"}'),
        (
            405,
            "application/problem+json",
            '{"title": "Method Not Allowed", "status": 405, "code": "method-not-allowed"}',
        ),
        (
            418,
            "application/problem+json",
            '{"title": "I\'m a Teapot", "status": 418, "detail": "short and stout"}',
        ),
        (304, None, ""),
    ]
    assert answers[1].headers["allow"] == "POST"
    assert answers[2].headers["x-pot"] == "1"


async def test_a_request_of_the_wrong_form_says_where_and_repeats_nothing() -> None:
    async with client(MAIL) as it:
        answer = await it.post("/mail/hunter2")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == ["path", "number"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("name", ["unforeseen", "unknown-kind"])
async def test_an_unforeseen_error_tells_nothing_and_is_logged_with_the_id(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await get(f"/mail/failures/{name}", MAIL, headers={"X-Request-ID": "find-me"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-request-id"] == "find-me"
    assert "hunter2" not in answer.text
    assert "unexpected error in request find-me" in caplog.text


async def test_a_request_without_a_plain_id_gets_a_new_one() -> None:
    async with client() as it:
        plain = await it.get("/health/live")
        odd = [await it.get("/health/live", headers={"X-Request-ID": sent}) for sent in ("", "a b", "x" * 65, "a\tb")]
    made = [answer.headers["x-request-id"] for answer in (plain, *odd)]

    assert [it.rpartition("-")[2] for it in made] == ["1", "2", "3", "4", "5"]
    assert len({it.rpartition("-")[0] for it in made}) == 1
    assert current_request_id() == ""


async def test_each_request_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "botserver.access")

    await get("/mail/a%E2%80%A8b?token=secret", headers={"X-Request-ID": "r1"})

    assert [record.message for record in caplog.records] == [r"GET /mail/a\u2028b 404 0.0 ms r1"]


async def talk(app: Any, path: str, text: str) -> tuple[list[Message], Exception | None]:
    """What the application sends when a socket is opened and says one thing."""
    incoming: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": text},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    sent: list[Message] = []
    scope: Scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"server"), (b"x-request-id", b"w1")],
        "subprotocols": [],
    }

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except RuntimeError as error:
        return sent, error
    return sent, None


async def test_a_socket_gets_the_id_at_its_opening(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(fake_state(), [MAIL])

    sent, error = await talk(app, "/mail/ws", "hello")

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert (b"x-request-id", b"w1") in sent[0]["headers"]
    assert error is None

    _, error = await talk(app, "/mail/ws", "fail")
    assert str(error) == "in the middle of a talk"
    assert "unexpected error in request w1" in caplog.text


async def test_readiness_asks_every_service() -> None:
    async def broken(_state: AppState) -> None:
        raise UnavailableError("The mail server is away.")

    async def secretive(_state: AppState) -> None:
        raise ValueError("password=hunter2")

    async def fine(_state: AppState) -> None:
        return

    services = [Service(name=name, check=check) for name, check in (("a", broken), ("b", secretive), ("c", fine))]
    async with client(*services) as it:
        ready, live = await it.get("/health/ready"), await it.get("/health/live")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (
        503,
        {
            "status": "not ready",
            "services": [
                {"name": "a", "ready": False, "trouble": "The mail server is away."},
                {"name": "b", "ready": False, "trouble": "ValueError. The log says more."},
                {"name": "c", "ready": True, "trouble": ""},
            ],
        },
    )


async def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_core.health.CHECK_TIME_LIMIT", 0.01)

    async def hang(_state: AppState) -> None:
        await asyncio.Event().wait()

    answer = await get("/health", Service(name="a", check=hang))

    assert answer.json()["services"][0]["trouble"] == "It did not answer within 0.01 seconds."


async def test_a_server_on_its_way_out_is_not_ready() -> None:
    switch = Switch()
    async with client(switch=switch) as it:
        switch.stop()
        answer = await it.get("/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")


@asynccontextmanager
async def refuse(_state: AppState) -> AsyncIterator[str]:
    raise UnavailableError("The disk is full.")
    yield ""


async def test_a_service_that_did_not_start_says_so_under_its_own_paths_only() -> None:
    services = [
        foundation(),
        Service(name="storage", provides=(Provider(DRIVE, refuse),)),
        Service(name="post", create_router=create_mail_router, paths=("/mail",), requires=(DRIVE,)),
    ]
    async with compose(services) as state, client(*services, state=state) as it:
        answers = [await it.get("/mail"), await it.post("/mail/7")]
        health = await it.get("/health")

    assert [(it.status_code, it.json()["detail"]) for it in answers] == [
        (503, "post did not start: It needs drive, which did not start."),
        (503, "post did not start: It needs drive, which did not start."),
    ]
    assert [(it["name"], it["trouble"]) for it in health.json()["services"]] == [
        ("foundation", ""),
        ("storage", "drive did not open: The disk is full."),
        ("post", "It needs drive, which did not start."),
    ]


async def test_an_exact_path_is_one_service_s_and_what_lies_below_another_s() -> None:
    services = [
        foundation(),
        Service(name="storage", provides=(Provider(DRIVE, refuse),)),
        Service(name="chat", create_router=create_mail_router, exact_paths=("/ws",), requires=(DRIVE,)),
        Service(name="data", create_router=create_mail_router, paths=("/ws/db",), requires=(DRIVE,)),
    ]
    async with compose(services) as state, client(*services, state=state) as it:
        answers = [await it.get(path) for path in ("/ws", "/ws/db", "/ws/db/1", "/ws/other")]

    assert [it.json().get("detail", "") for it in answers] == [
        "chat did not start: It needs drive, which did not start.",
        "data did not start: It needs drive, which did not start.",
        "data did not start: It needs drive, which did not start.",
        "",
    ]


def problems(services: Sequence[Service]) -> tuple[str, ...]:
    with pytest.raises(StartupError) as caught:
        create_app(fake_state(), services)
    return caught.value.problems


def test_a_path_of_the_application_cannot_be_claimed() -> None:
    assert problems([Service(name="a", paths=("/health",)), Service(name="b", paths=("/docs/mine", "/doc"))]) == (
        "a claims /health, which belongs to the application itself. Choose another path.",
        "b claims /docs/mine, which belongs to the application itself. Choose another path.",
    )


def test_a_route_outside_of_the_claimed_paths_stops_the_start() -> None:
    def create_router(_state: AppState) -> APIRouter:
        inner = APIRouter(prefix="/mailing")
        inner.add_api_route("/lists", lambda: None)
        router = APIRouter()
        router.add_api_route("/mail", lambda: None)
        router.include_router(inner)
        return router

    assert problems([Service(name="mail", create_router=create_router, paths=("/mail",))]) == (
        "mail has a route /mailing/lists outside of /mail. Add its path to `paths` in the manifest.",
    )


def test_services_that_do_not_fit_together_stop_the_start() -> None:
    assert problems([MAIL, Service(name="post", paths=("/mail",))]) == (
        "mail and post both claim /mail. Run them in two servers, or change the paths of one.",
    )

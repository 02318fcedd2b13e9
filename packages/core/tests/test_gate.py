"""What the outermost layer does with a request, in process."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Scope

from botlib import FakeClock
from botserver_core import Rate, WebSettings, create_app
from botserver_core.addresses import Addresses, counted_address
from botserver_core.gate import SECURITY_HEADERS
from botserver_core.rates import SlidingWindow
from botstate import CALLERS, AppState, Caller, MemoryCache, Service
from botstate.testing import FakeCallers, fake_state

pytestmark = pytest.mark.anyio


def create_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.get("/work/quick")
    async def quick() -> str:
        return "done"

    @router.get("/work/framed")
    async def framed() -> Response:
        return Response("x", headers={"X-Frame-Options": "SAMEORIGIN", "Vary": "Accept"})

    @router.post("/work/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @router.get("/work/hold")
    async def hold() -> str:
        await WAITING.wait()
        return "held"

    @router.get("/work/endless")
    async def endless() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x"

        return StreamingResponse(parts())

    return router


WAITING = asyncio.Event()
WORK = Service(name="work", create_router=create_router, paths=("/work",))


@asynccontextmanager
async def client(
    settings: WebSettings | None = None, *services: Service, clock: FakeClock | None = None, callers: Any = None
) -> AsyncIterator[httpx2.AsyncClient]:
    state = fake_state(settings or WebSettings(), clock=clock)
    if callers is not None:
        state.provide(CALLERS, callers)
    transport = httpx2.ASGITransport(create_app(state, services or [WORK]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as it:
        yield it


async def statuses(client: httpx2.AsyncClient, count: int, headers: Mapping[str, str] | None = None) -> list[int]:
    return [(await client.get("/work/quick", headers=headers)).status_code for _ in range(count)]


async def test_every_answer_is_hardened_and_its_own_word_counts() -> None:
    async with client(WebSettings(strict_transport_seconds=60)) as it:
        plain, framed = await it.get("/work/quick"), await it.get("/work/framed")

    assert {name: plain.headers[name] for name, _ in expected_headers()} == dict(expected_headers())
    assert plain.headers["strict-transport-security"] == "max-age=60; includeSubDomains"
    assert framed.headers.get_list("x-frame-options") == ["SAMEORIGIN"]


def expected_headers() -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in SECURITY_HEADERS]


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [
        ((), "localhost:8000", 200),
        ((), "127.0.0.1", 200),
        ((), "[::1]:80", 200),
        ((), "app.localhost", 200),
        ((), "botserver", 200),
        ((), "rebound.example.org", 421),
        ((), "127.0.0.1.evil.example", 421),
        (("example.org",), "example.org", 200),
        (("example.org",), "a.example.org", 421),
        (("example.org",), "localhost", 421),
        (("*.example.org",), "a.b.example.org:1", 200),
        (("*.example.org",), "example.org", 421),
        (("*.example.org",), "evilexample.org", 421),
        (("*",), "whatever.example", 200),
        (("*",), "what/ever", 421),
        (("[::1]",), "[::1]", 200),
    ],
)
async def test_only_names_that_are_ours_are_answered(hosts: tuple[str, ...], host: str, status: int) -> None:
    async with client(WebSettings(hosts=hosts)) as it:
        assert (await it.get("/work/quick", headers={"Host": host})).status_code == status


@pytest.mark.parametrize(
    ("origin", "url", "status"),
    [
        ("http://server", "http://server", 200),
        ("https://server", "http://server", 200),  # a proxy has ended TLS
        ("http://server", "https://server", 403),
        ("http://server:81", "http://server", 403),
        ("https://app.example.org", "http://server", 200),
        ("https://app.example.org.evil.example", "http://server", 403),
        ("null", "http://server", 403),
    ],
)
async def test_only_pages_that_are_ours_may_ask(origin: str, url: str, status: int) -> None:
    async with client(WebSettings(origins=("https://app.example.org",))) as it:
        answer = await it.get(f"{url}/work/quick", headers={"Origin": origin})

    listed = origin == "https://app.example.org"
    assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (
        status,
        origin if listed else None,
    )
    assert "Origin" in answer.headers["vary"]


async def test_a_browser_that_asks_beforehand_is_told_what_a_page_may_do() -> None:
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type,x-a"}
    async with client(WebSettings(origins=("*",))) as it:
        listed = await it.options("/work/quick", headers={**wanted, "Origin": "https://any.example"})
    async with client() as it:
        stranger = await it.options("/work/quick", headers={**wanted, "Origin": "https://any.example"})

    assert (listed.status_code, listed.headers["access-control-allow-origin"]) == (204, "*")
    assert listed.headers["access-control-allow-headers"] == "content-type,x-a"
    assert "PUT" in listed.headers["access-control-allow-methods"]
    assert (stranger.status_code, "access-control-allow-origin" in stranger.headers) == (403, False)


async def test_a_window_slides() -> None:
    clock = FakeClock()
    async with client(WebSettings(address_rate=Rate(4, 10)), clock=clock) as it:
        assert await statuses(it, 6) == [200, 200, 200, 200, 429, 429]
        refused = await it.get("/work/quick")
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("limit-reached", "13")
        await clock.advance(12.4)
        assert await statuses(it, 1) == [429]
        await clock.advance(0.6)
        assert await statuses(it, 2) == [200, 429]
        await clock.advance(30)
        assert await statuses(it, 5) == [200, 200, 200, 200, 429]


async def test_a_limit_holds_across_processes() -> None:
    cache = MemoryCache(FakeClock())
    processes = [SlidingWindow("address", Rate(3, 10), cache) for _ in range(2)]

    waits = [await processes[number % 2].admit("10.0.0.1", 0.0) for number in range(5)]

    assert [bool(it) for it in waits] == [False, False, False, True, True]


async def test_many_at_once_get_no_more_than_the_limit() -> None:
    window = SlidingWindow("address", Rate(10, 10), MemoryCache(FakeClock()))

    waits = await asyncio.gather(*(window.admit("10.0.0.1", 0.0) for _ in range(100)))

    assert sum(not it for it in waits) == 10


async def test_a_cache_that_fails_lets_requests_pass(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryCache):
        async def increment(self, key: str, by: int = 1, *, ttl: float | None = None) -> int:
            raise OSError(key, by, ttl)

    window = SlidingWindow("address", Rate(1, 10), Broken(FakeClock()))

    assert [await window.admit("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert "the cache does not count requests by address; they pass" in caplog.text


async def test_users_and_tokens_have_limits_of_their_own_wherever_they_come_from() -> None:
    callers = FakeCallers({"Bearer one": Caller("anna", "t1"), "Bearer two": Caller("anna", "t2")})
    settings = WebSettings(user_rate=Rate(3, 10), token_rate=Rate(2, 10))
    async with client(settings, callers=callers) as it:
        one, two = {"Authorization": "Bearer one"}, {"Authorization": "Bearer two"}
        assert await statuses(it, 3, one) == [200, 200, 429]
        assert await statuses(it, 1, two) == [429]
        assert await statuses(it, 3) == [200, 200, 200]


async def test_callers_that_fail_are_strangers(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def identify(self, _headers: Sequence[tuple[bytes, bytes]], _query: bytes) -> Caller:
            raise RuntimeError

    service = Service(name="work", create_router=create_router, paths=("/work",), callers=lambda _state: Broken())
    async with client(None, service) as it:
        assert await statuses(it, 1) == [200]
    assert "nobody could tell who asks" in caplog.text


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", ["1.1.1.1, 2.2.2.2, 10.0.0.2"], "2.2.2.2"),
        ("10.0.0.1", ["1.1.1.1", "2.2.2.2, 10.0.0.2"], "2.2.2.2"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::1], 10.0.0.2"], "2001:db8::1"),
        ("9.9.9.9", ["1.1.1.1, 2.2.2.2, 10.0.0.2"], "9.9.9.9"),
        ("", ["1.1.1.1, 10.0.0.2"], ""),
    ],
)
def test_with_two_proxies_the_second_entry_from_the_right_counts(peer: str, forwarded: list[str], address: str) -> None:
    scope = {"client": (peer, 1) if peer else None, "headers": [(b"x-forwarded-for", it.encode()) for it in forwarded]}

    assert Addresses(2, ["10.0.0.0/8"]).of(scope) == address
    assert Addresses(0, []).of(scope) == peer


def test_an_ipv6_network_counts_as_one() -> None:
    found = [counted_address(it) for it in ("2001:db8:1:2:3::4", "2001:db8:1:2::", "::ffff:1.2.3.4", "1.2.3.4", "a:b")]

    assert found == ["2001:db8:1:2::/64", "2001:db8:1:2::/64", "1.2.3.4", "1.2.3.4", "a:b"]


async def test_a_full_server_says_so_and_still_shows_life() -> None:
    WAITING.clear()
    async with client(WebSettings(requests=2)) as it:
        held = [asyncio.ensure_future(it.get("/work/hold")) for _ in range(2)]
        async with asyncio.timeout(5):
            while (await it.get("/work/quick")).status_code != 503:  # noqa: ASYNC110 - the server tells it only so
                await asyncio.sleep(0)
        refused, life = await it.get("/work/quick"), await it.get("/health/live")
        WAITING.set()
        answers = [(await task).json() for task in held]
        after = await it.get("/work/quick")

    assert (refused.status_code, refused.headers["retry-after"], life.status_code) == (503, "1", 200)
    assert (answers, after.status_code) == (["held", "held"], 200)


async def test_a_service_may_take_larger_bodies_than_others() -> None:
    services = [
        WORK,
        Service(name="drive", create_router=lambda _: upload_router(), paths=("/drive/files",), body_bytes=20),
    ]
    async with client(WebSettings(body_bytes=10), *services) as it:
        found = [
            (await it.post("/work/body", content=b"x" * size)).status_code
            + (await it.post("/drive/files", content=b"x" * size)).status_code * 1000
            for size in (10, 11, 20, 21)
        ]

    assert found == [200200, 200413, 200413, 413413]


def upload_router() -> APIRouter:
    router = APIRouter()

    @router.post("/drive/files")
    async def upload(request: Request) -> int:
        return len(await request.body())

    return router


async def test_a_stream_that_never_waits_leaves_the_loop_to_others() -> None:
    app = create_app(fake_state(), [WORK])
    sent = 0

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(_message: Message) -> None:
        nonlocal sent
        sent += 1

    scope: Scope = {"type": "http", "method": "GET", "path": "/work/endless", "raw_path": b"/work/endless",
                    "root_path": "", "query_string": b"", "headers": [(b"host", b"server")], "http_version": "1.1",
                    "asgi": {"spec_version": "2.4"}}  # fmt: skip
    task = asyncio.ensure_future(app(scope, receive, send))
    while sent < 10:  # noqa: ASYNC110 - turns of the loop are what this is about
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_metrics_count_by_template_and_method_and_never_by_address() -> None:
    async with client() as it:
        for number in range(3):
            await it.get(f"/nothing/{number}")
        await it.get("/work/quick")
        await it.get("/work/quick", headers={"Host": "evil.example"})
        await it.request("BREW", "/work/quick")
        text = (await it.get("/metrics")).text

    assert 'botserver_http_request_seconds_count{method="GET",route="(none)",status="404"} 3.0' in text
    assert 'botserver_http_request_seconds_count{method="GET",route="/work/quick",status="200"} 1.0' in text
    assert 'botserver_http_request_seconds_count{method="OTHER",route="/work/quick",status="405"} 1.0' in text
    assert 'botserver_http_refused_total{reason="wrong-host"} 1.0' in text
    assert 'botserver_service_started{service="work"} 1.0' in text
    assert "/nothing" not in text


async def test_two_applications_count_apart() -> None:
    async with client() as one, client() as other:
        await one.get("/work/quick")
        assert 'route="/work/quick"' not in (await other.get("/metrics")).text


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"proxies": 1}, "proxies needs proxy_addresses"),
        ({"hosts": ("http://a",)}, "is no host"),
        ({"origins": ("https://a/path",)}, "is no origin"),
        ({"proxy_addresses": ("10.0.0.0/99",)}, "10.0.0.0/99"),
        ({"body_bytes": -1}, "body_bytes is less than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        WebSettings(**values)
    with pytest.raises(ValueError, match="A rate is"):
        Rate(-1)


async def test_refusals_have_the_shape_of_the_service() -> None:
    async with client(WebSettings(url_bytes=50)) as it:
        answer = await it.get("/work/quick?" + "a" * 50)
    assert json.loads(answer.text) == {
        "title": "Request-URI Too Long",
        "status": 414,
        "detail": "The address is too long.",
        "code": "too-large",
    }

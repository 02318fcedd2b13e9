"""What every `Http` does. Each check gets one, with the address of a server that answers as `sample_site` does.

`elsewhere` is a second address of the same server: another origin.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from botlib import Budget, BudgetError, FakeClock, ForbiddenError, InvalidError, LimitError
from botstate.http import Http, HttpRequest, HttpResponse, HttpStream

if TYPE_CHECKING:
    from botstate.guarded.steps import Step

HttpCheck = Callable[[Http, str, str], Awaitable[None]]

_COUNTED = 100_000


def sample_site(request: HttpRequest) -> HttpResponse:
    """The answers that the contract expects. A redirect leads to what stands behind the question mark."""
    path, _, query = request.url.partition("?")
    match path.rpartition("/")[2]:
        case "hello":
            return _answer(200, b"hello")
        case "echo":
            told = {"method": request.method, "headers": request.headers, "body": request.body.decode()}
            return _answer(200, json.dumps(told).encode())
        case "large":
            return _answer(200, b"x" * _COUNTED)
        case status if status.isdigit():
            return _answer(int(status), b"moved", ("Location", query))
        case _:
            return _answer(404, b"nothing here")


class FakeHttp:
    """An `Http` that asks a function. It is as strict as the real one, but for names: any name is public."""

    def __init__(
        self, answer: Callable[[HttpRequest], HttpResponse] = sample_site, *, ports: Collection[int] = (80, 443)
    ) -> None:
        self.requests: list[HttpRequest] = []
        self._answer = answer
        self._ports = ports

    async def send(self, request: HttpRequest, *, budget: Budget | None = None, redirects: int = 5) -> HttpResponse:
        async with self.stream(request, budget=budget, redirects=redirects) as answer:
            body = b"".join([piece async for piece in answer.body])
        return HttpResponse(answer.status, answer.url, answer.headers, body)

    @asynccontextmanager
    async def stream(
        self, request: HttpRequest, *, budget: Budget | None = None, redirects: int = 5
    ) -> AsyncIterator[HttpStream]:
        from botstate.guarded.steps import first_step

        budget = budget or Budget(FakeClock())
        response, url = self._follow(first_step(request, self._ports), budget, redirects)

        async def body() -> AsyncIterator[bytes]:
            budget.spend(size=len(response.body))
            yield response.body

        yield HttpStream(response.status, url, response.headers, body())

    def _follow(self, step: Step, budget: Budget, redirects: int) -> tuple[HttpResponse, str]:
        from botstate.guarded.steps import REDIRECTS

        for left in range(redirects, -1, -1):
            budget.spend()
            _refuse_inner_address(step.origin.host)
            request = HttpRequest(step.method, str(step.url), step.headers, step.body)
            self.requests.append(request)
            response = self._answer(request)
            location = response.header("location")
            if redirects == 0 or location is None or response.status not in REDIRECTS:
                return response, request.url
            if left:
                step = step.redirected(response.status, location, self._ports)
        raise LimitError(f"{step.origin} redirects more than {redirects} times.")


async def the_whole_answer_comes_back(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001 - as all checks
    answer = await http.send(HttpRequest("GET", f"{here}/hello"))
    assert (answer.status, answer.url, answer.body) == (200, f"{here}/hello", b"hello")
    assert answer.header("CONTENT-TYPE") == "text/plain"
    assert answer.header("x-none") is None
    assert (await http.send(HttpRequest("GET", f"{here}/none"))).status == 404


async def what_was_asked_arrives(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001
    told = await _echo(http, HttpRequest("POST", f"{here}/echo", (("X-Key", "1"), ("X-Key", "2")), b"text"))
    assert (told["method"], told["body"]) == ("POST", "text")
    assert [value for name, value in told["headers"] if name.lower() == "x-key"] == ["1", "2"]


async def a_body_can_be_read_in_pieces_or_left(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001
    async with http.stream(HttpRequest("GET", f"{here}/large")) as answer:
        assert sum([len(piece) async for piece in answer.body]) == _COUNTED
    async with http.stream(HttpRequest("GET", f"{here}/large")) as left:
        assert left.status == 200
    assert (await http.send(HttpRequest("GET", f"{here}/hello"))).body == b"hello"


async def a_body_beyond_the_budget_is_refused(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001
    clock = FakeClock()
    answer = await http.send(HttpRequest("GET", f"{here}/large"), budget=Budget(clock, size=_COUNTED))
    assert len(answer.body) == _COUNTED
    try:
        await http.send(HttpRequest("GET", f"{here}/large"), budget=Budget(clock, size=_COUNTED - 1))
    except BudgetError as error:
        assert error.limit == "size"  # noqa: PT017 - there is no pytest outside of tests
    else:
        raise AssertionError("it read more than the budget allows")


async def no_time_left_is_no_request(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001
    await _refused(http, HttpRequest("GET", f"{here}/hello"), BudgetError, budget=Budget(FakeClock(), seconds=0))


async def redirects_are_followed_up_to_the_limit(http: Http, here: str, elsewhere: str) -> None:
    there = f"{elsewhere}/hello"
    assert (await http.send(HttpRequest("GET", f"{here}/302?{there}"))).url == there
    assert (await http.send(HttpRequest("GET", f"{here}/308?hello"))).url == f"{here}/hello"
    assert (await http.send(HttpRequest("GET", f"{here}/302?{there}"), redirects=0)).status == 302
    await _refused(http, HttpRequest("GET", f"{here}/302?/302?/302?/hello"), LimitError, redirects=2)
    assert (await http.send(HttpRequest("GET", f"{here}/302?/302?/302?/hello"), redirects=3)).body == b"hello"


async def credentials_stay_with_their_origin(http: Http, here: str, elsewhere: str) -> None:
    secrets = (("Authorization", "Bearer s3cret"), ("Cookie", "s3cret"), ("X-Api-Key", "s3cret"), ("Accept", "a/b"))
    told = await _echo(http, HttpRequest("GET", f"{here}/302?{elsewhere}/echo", secrets))
    assert "s3cret" not in str(told)
    assert ["accept", "a/b"] in [[name.lower(), value] for name, value in told["headers"]]
    told = await _echo(http, HttpRequest("GET", f"{here}/302?{here}/echo", secrets))
    assert str(told).count("s3cret") == 3


async def bodies_stay_with_their_origin(http: Http, here: str, elsewhere: str) -> None:
    told = await _echo(http, HttpRequest("POST", f"{here}/307?{here}/echo", body=b"s3cret"))
    assert (told["method"], told["body"]) == ("POST", "s3cret")
    told = await _echo(http, HttpRequest("POST", f"{here}/303?{elsewhere}/echo", body=b"s3cret"))
    assert (told["method"], told["body"]) == ("GET", "")
    await _refused(http, HttpRequest("POST", f"{here}/307?{elsewhere}/echo", body=b"s3cret"), ForbiddenError)


async def a_redirect_is_checked_like_the_first_address(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001
    for place in ("http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "file:///etc/passwd", "http://0x7f.1/"):
        await _refused(http, HttpRequest("GET", f"{here}/302?{place}"), ForbiddenError)


async def what_is_no_request_is_refused(http: Http, here: str, elsewhere: str) -> None:  # noqa: ARG001
    for method, url in (("GET", "ftp://example.org/"), ("GET", "http://a:b@example.org/"), ("G T", f"{here}/hello")):
        await _refused(http, HttpRequest(method, url), InvalidError)
    for name, value in (("X-Key", "1\r\nX-Other: 2"), ("X Key", "1"), ("Host", "example.org"), ("Content-Length", "1")):
        await _refused(http, HttpRequest("GET", f"{here}/hello", ((name, value),)), InvalidError)


HTTP_CONTRACT: tuple[HttpCheck, ...] = (
    the_whole_answer_comes_back,
    what_was_asked_arrives,
    a_body_can_be_read_in_pieces_or_left,
    a_body_beyond_the_budget_is_refused,
    no_time_left_is_no_request,
    redirects_are_followed_up_to_the_limit,
    credentials_stay_with_their_origin,
    bodies_stay_with_their_origin,
    a_redirect_is_checked_like_the_first_address,
    what_is_no_request_is_refused,
)


async def _echo(http: Http, request: HttpRequest) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((await http.send(request)).body)
    return told


async def _refused(
    http: Http, request: HttpRequest, kind: type[Exception], *, budget: Budget | None = None, redirects: int = 5
) -> None:
    try:
        await http.send(request, budget=budget, redirects=redirects)
    except kind as error:
        assert "s3cret" not in str(error)  # noqa: PT017 - there is no pytest outside of tests
    else:
        raise AssertionError(f"{request.url} was answered")


def _refuse_inner_address(host: str) -> None:
    from ipaddress import ip_address

    from botstate.guarded.addresses import is_public

    try:
        address = ip_address(host)
    except ValueError:
        return
    if not is_public(address):
        raise ForbiddenError(f"{host} may not be reached from here.")


def _answer(status: int, body: bytes, *headers: tuple[str, str]) -> HttpResponse:
    return HttpResponse(status, "", (("Content-Type", "text/plain"), *headers), body)

"""`Http` over the guarded transport: redirects, budgets, and nothing that is carried from one origin to another."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import aclosing, asynccontextmanager
from math import inf
from typing import TYPE_CHECKING

import httpx2

from botlib import Budget, BudgetError, InvalidError, LimitError, UnavailableError
from botstate.guarded.decoding import find_decoder
from botstate.guarded.network import METER, Meter, resolve
from botstate.guarded.steps import REDIRECTS, first_step
from botstate.guarded.transport import GuardedTransport
from botstate.http import HttpResponse, HttpStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from botlib import Clock
    from botstate.guarded.network import Resolver
    from botstate.guarded.steps import Step
    from botstate.guarded.targets import Origin
    from botstate.http import HttpRequest, HttpSettings

_WIRE_EXTRA = 262_144  # bytes of headers and framing, besides twice the size of the body


@asynccontextmanager
async def open_http(settings: HttpSettings, clock: Clock, resolver: Resolver = resolve) -> AsyncIterator[GuardedHttp]:
    """The guarded client; its connections are closed at the end."""
    context = await asyncio.to_thread(_create_context, settings)
    async with GuardedTransport(settings, context, resolver) as transport:
        yield GuardedHttp(transport, settings, clock)


class GuardedHttp:
    """An `Http` for one event loop."""

    def __init__(self, transport: GuardedTransport, settings: HttpSettings, clock: Clock) -> None:
        #: For libraries that take a client of httpx2: `httpx2.AsyncClient(transport=http.transport)`.
        self.transport = transport
        self._settings = settings
        self._clock = clock
        self._ports = frozenset(settings.ports)

    async def send(self, request: HttpRequest, *, budget: Budget | None = None, redirects: int = 5) -> HttpResponse:
        async with self.stream(request, budget=budget, redirects=redirects) as answer:
            body = b"".join([piece async for piece in answer.body])
        return HttpResponse(answer.status, answer.url, answer.headers, body)

    @asynccontextmanager
    async def stream(
        self, request: HttpRequest, *, budget: Budget | None = None, redirects: int = 5
    ) -> AsyncIterator[HttpStream]:
        allowance = self._allowance(budget)
        step, response = await self._follow(first_step(request, self._ports), allowance, redirects)
        try:
            headers = tuple(response.headers.multi_items())
            async with aclosing(_read_body(response, step.origin, allowance)) as body:
                yield HttpStream(response.status_code, str(step.url), headers, body)
        finally:
            await response.aclose()

    def _allowance(self, budget: Budget | None) -> _Allowance:
        budget = budget or Budget(self._clock)
        return _Allowance(
            budget.part(
                seconds=self._settings.seconds if budget.seconds_left == inf else inf,
                size=self._settings.size if budget.size_left == inf else inf,
            )
        )

    async def _follow(self, step: Step, allowance: _Allowance, redirects: int) -> tuple[Step, httpx2.Response]:
        for left in range(redirects, -1, -1):
            response = await self._exchange(step, allowance)
            location = response.headers.get("location")
            if redirects == 0 or location is None or response.status_code not in REDIRECTS:
                return step, response
            await response.aclose()
            if left:
                step = step.redirected(response.status_code, location, self._ports)
        raise LimitError(f"{step.origin} redirects more than {redirects} times.")

    async def _exchange(self, step: Step, allowance: _Allowance) -> httpx2.Response:
        request = httpx2.Request(
            step.method,
            step.url,
            headers=[*step.headers],
            content=step.body or None,
            extensions={"timeout": {"connect": self._settings.connect_seconds}},
        )
        request.headers.setdefault("User-Agent", "botserver")
        request.headers["Accept-Encoding"] = "gzip"
        token = METER.set(Meter(allowance.budget.size_left * 2 + _WIRE_EXTRA))
        try:
            async with allowance.in_time(step.origin):
                return await self.transport.handle_async_request(request)
        finally:
            METER.reset(token)


class _Allowance:
    """The budget of one request, and how its end is told."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._seconds = budget.seconds_left

    @asynccontextmanager
    async def in_time(self, origin: Origin) -> AsyncIterator[None]:
        limit = asyncio.timeout(self.budget.seconds_left)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise BudgetError("seconds", f"{round(self._seconds, 3):g} seconds") from None
        except httpx2.TimeoutException:
            raise UnavailableError(f"{origin} did not answer in time.", remedy="Try again later.") from None
        except httpx2.LocalProtocolError:
            raise InvalidError("The request is none that HTTP can carry.") from None
        except httpx2.ProtocolError:
            raise UnavailableError(f"{origin} does not speak HTTP as it should.") from None
        except httpx2.TransportError as error:
            raise UnavailableError(_reason(origin, error), remedy="Try again later.") from None


async def _read_body(response: httpx2.Response, origin: Origin, allowance: _Allowance) -> AsyncGenerator[bytes, None]:
    decoder = find_decoder(response.headers.get("content-encoding", ""))
    async with aclosing(response.aiter_raw()) as chunks:
        while True:
            async with allowance.in_time(origin):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            for piece in decoder.decode(chunk):
                allowance.budget.spend(size=len(piece))
                yield piece
    decoder.finish()


def _reason(origin: Origin, error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {origin} is not valid: {cause.verify_message}."
        cause = cause.__cause__ or cause.__context__
    return f"{origin} cannot be reached."


def _create_context(settings: HttpSettings) -> ssl.SSLContext:
    # Nothing from the environment: who may read the answers is decided by the settings.
    context = httpx2.create_ssl_context(trust_env=False)
    if settings.certificates is not None:
        context.load_verify_locations(settings.certificates)
    return context

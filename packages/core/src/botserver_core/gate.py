"""The outermost layer: what it refuses no service sees; what it lets in gets an id, an answer and a line in the log.

One layer and one pass over the headers: each rule is a module of its own, and this one puts them in order.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from botserver_core.access import ACCESS, AccessRecord
from botserver_core.addresses import Addresses, counted_address
from botserver_core.bodies import BodyTooLargeError, limit_body
from botserver_core.hosts import Hosts
from botserver_core.metrics import route_of
from botserver_core.origins import Origins, Verdict, preflight_headers
from botserver_core.problems import UNEXPECTED, Problem, problem_of_status
from botserver_core.rates import SlidingWindow
from botserver_core.reading import Seen, find_fault_of_form
from botserver_core.sharing import share
from botstate import CACHE, CLOCK, RANDOMNESS, Caller, MemoryCache

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from botserver_core.metrics import Metrics
    from botserver_core.origins import RawHeaders
    from botserver_core.settings import Rate, WebSettings
    from botserver_core.sharing import Shared
    from botstate import AppState

_log = logging.getLogger(__name__)
_access = logging.getLogger(ACCESS)
_current: ContextVar[str] = ContextVar("request_id", default="")

#: What every answer carries unless it says otherwise itself. Pages have their own policy.
SECURITY_HEADERS: RawHeaders = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

#: A probe for life is answered also when nothing else is.
_LIFE = "/health/live"

_STOPPING = Problem(503, "The server is stopping. Another try may pass.", "unavailable", headers={"Retry-After": "1"})
_FULL = Problem(503, "The server has enough to do. Another try may pass.", "unavailable", headers={"Retry-After": "1"})
_WRONG_HOST = Problem(421, "This server does not answer to that name. See the setting web.hosts.", "wrong-host")
_WRONG_ORIGIN = Problem(403, "Pages from there may not use this server. See the setting web.origins.", "wrong-origin")
_STRANGER = Caller()


def current_request_id() -> str:
    """The id of the request that is being answered, or "" outside of one."""
    return _current.get()


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, state: AppState, settings: WebSettings, shared: Shared, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._shared = shared
        self._metrics = metrics
        self._clock = shared.clock
        self._hosts = Hosts(settings.hosts)
        self._origins = Origins(settings.origins)
        self._addresses = Addresses(settings.proxies, settings.proxy_addresses)
        self._by_address = _window("address", settings.address_rate, state)
        self._by_user = _window("user", settings.user_rate, state)
        self._by_token = _window("token", settings.token_rate, state)
        self._added = _added_headers(settings, self._origins)
        self._added_names = frozenset(name for name, _ in self._added)
        self._running = 0
        # Ids of one application begin alike; what follows counts, in base 16.
        self._id_prefix = state.require(RANDOMNESS).random_bytes(8).hex()
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" or scope["type"] == "websocket":
            await self._let_in(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = self._clock.monotonic()
        seen = Seen(scope["headers"])
        exchange = _Exchange(self, scope, seen, send)
        share(scope, self._shared)
        token = _current.set(exchange.request_id)
        try:
            await self._answer(exchange, receive)
        finally:
            _current.reset(token)
            self._tell(exchange, self._clock.monotonic() - begun)

    async def _answer(self, exchange: _Exchange, receive: Receive) -> None:
        scope = exchange.scope
        problem = find_fault_of_form(scope, exchange.seen, self._settings) or self._find_stranger(exchange)
        if problem is None and (self._by_address or self._by_user or self._by_token):
            problem = await self._find_excess(exchange)
        if problem is not None:
            await exchange.refuse(problem)
        elif scope["type"] == "http":
            await self._answer_request(exchange, receive)
        else:
            await self._answer_socket(exchange, receive)

    async def _answer_request(self, exchange: _Exchange, receive: Receive) -> None:
        scope, seen = exchange.scope, exchange.seen
        if seen.wanted_method and seen.origin and scope["method"] == "OPTIONS":
            await exchange.answer_preflight()
            return
        if seen.length or seen.chunked:
            limit = exchange.territory.body_bytes
            if seen.length and int(seen.length) > limit:
                await exchange.refuse(problem_of_status(BodyTooLargeError(limit)))
                return
            receive = limit_body(receive, limit, self._settings)
        if self._running >= self._settings.requests and scope["path"] != _LIFE:
            await exchange.refuse(_FULL)
            return
        self._running += 1
        try:
            await self._run(exchange, receive)
        finally:
            self._running -= 1

    async def _answer_socket(self, exchange: _Exchange, receive: Receive) -> None:
        self._metrics.sockets.inc()
        try:
            await self._run(exchange, receive)
        finally:
            self._metrics.sockets.dec()

    async def _run(self, exchange: _Exchange, receive: Receive) -> None:
        try:
            await self._app(exchange.scope, receive, exchange.send)
        except asyncio.CancelledError:
            if not self._shared.switch.stopping:
                raise
            # The time for requests to end is over. The task ends here, so its cancellation need not go further.
            if not exchange.status:
                await exchange.respond(_STOPPING)
        except (ClientDisconnect, WebSocketDisconnect):
            pass  # whoever asked has left; nobody needs an answer
        except HTTPException as error:
            if exchange.status:
                raise  # too late for an answer: the server cuts the connection
            await exchange.respond(problem_of_status(error))
        except Exception:
            _log.exception("unexpected error in request %s", exchange.request_id)
            if exchange.status or exchange.scope["type"] == "websocket":
                raise
            await exchange.respond(UNEXPECTED)

    def _find_stranger(self, exchange: _Exchange) -> Problem | None:
        seen = exchange.seen
        if not self._hosts.allow(seen.host):
            return _WRONG_HOST
        if seen.origin:
            verdict = self._origins.judge(seen.origin, seen.host, exchange.scope.get("scheme", "http"))
            if not verdict.allowed:
                return _WRONG_ORIGIN
            exchange.verdict = verdict
        return None

    async def _find_excess(self, exchange: _Exchange) -> Problem | None:
        callers = exchange.territory.callers
        if callers is not None:
            exchange.caller = await _identify(exchange, callers)
        user, token = exchange.caller
        moment = self._clock.now().timestamp()
        wait = 0.0
        if self._by_address is not None and exchange.address:
            wait = await self._by_address.admit(counted_address(exchange.address), moment)
        if self._by_user is not None and user and not wait:
            wait = await self._by_user.admit(user, moment)
        if self._by_token is not None and token and not wait:
            wait = await self._by_token.admit(token, moment)
        return _excess(wait) if wait else None

    def new_id(self) -> str:
        """An id for a request that brings none."""
        return f"{self._id_prefix}-{next(self._numbers):x}"

    def address_of(self, scope: Scope) -> str:
        """Where the request comes from."""
        return self._addresses.of(scope)

    def territory_of(self, path: str) -> Any:
        """Whose path it is."""
        return self._shared.territories.of(path)

    def respond_to(self, problem: Problem, path: str) -> Response:
        """The problem in the shape of the service."""
        return self._shared.territories.answer(problem, path)

    def count_refusal(self, problem: Problem) -> None:
        """Put it into the metrics."""
        self._metrics.refused(problem.code)

    def complete(self, headers: list[tuple[bytes, bytes]], exchange: _Exchange) -> list[tuple[bytes, bytes]]:
        """The headers of an answer with all that every answer carries."""
        added = self._added
        if not self._added_names.isdisjoint([name for name, _ in headers]):
            own = {name for name, _ in headers}
            # "Vary" adds up; of everything else the answer's own word counts.
            added = tuple(it for it in added if it[0] == b"vary" or it[0] not in own)
        return [*headers, (b"x-request-id", exchange.request_id.encode()), *added, *exchange.verdict.headers]

    def _tell(self, exchange: _Exchange, seconds: float) -> None:
        scope = exchange.scope
        is_request = scope["type"] == "http"
        if is_request:
            self._metrics.answered(scope["method"], route_of(scope), exchange.status, seconds)
        if _access.isEnabledFor(logging.INFO):
            method = scope["method"] if is_request else "WEBSOCKET"
            record = AccessRecord(method, scope["path"], exchange.status, seconds * 1000, exchange.request_id)
            record.address = exchange.address
            record.user, record.token = exchange.caller
            _access.handle(record)


class _Exchange:
    """One request or socket on its way through the gate."""

    __slots__ = ("_gate", "_send", "address", "caller", "request_id", "scope", "seen", "status", "territory", "verdict")

    def __init__(self, gate: Gate, scope: Scope, seen: Seen, send: Send) -> None:
        self._gate = gate
        self._send = send
        self.scope = scope
        self.seen = seen
        self.status = 0
        self.caller = _STRANGER
        self.verdict = _NO_VERDICT
        self.request_id = seen.plain_id() or gate.new_id()
        self.address = gate.address_of(scope)
        self.territory = gate.territory_of(scope["path"])

    def send(self, message: Message) -> Any:
        """What the application sends, with what every answer carries. Awaited by the one who sends."""
        kind = message["type"]
        if kind in _BEGINNINGS:
            self.status = message.get("status", 101)
            message["headers"] = self._gate.complete(message.get("headers", []), self)
        elif message.get("more_body"):
            return self._send_part(message)
        return self._send(message)

    async def _send_part(self, message: Message) -> None:
        await self._send(message)
        # A stream that never waits would keep the loop from everybody else, and from learning that its reader has left.
        await asyncio.sleep(0)

    async def refuse(self, problem: Problem) -> None:
        """Answer before a service has seen the request."""
        self._gate.count_refusal(problem)
        await self.respond(problem)

    async def respond(self, problem: Problem) -> None:
        """Answer with a problem, also to somebody who wants to open a socket."""
        response = self._gate.respond_to(problem, self.scope["path"])
        if self.scope["type"] == "websocket" and "websocket.http.response" not in self.scope.get("extensions", ()):
            self.status = problem.status
            await self._send({"type": "websocket.close", "code": 1008})
            return
        await response(self.scope, _nothing, self.send)

    async def answer_preflight(self) -> None:
        """Tell a browser what a page of this origin may do."""
        headers = list(preflight_headers(self.seen.wanted_headers)) if self.verdict.headers else []
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b""})


_BEGINNINGS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_NO_VERDICT = Verdict(allowed=True)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _identify(exchange: _Exchange, callers: Any) -> Caller:
    try:
        found: Caller = await callers.identify(exchange.scope["headers"], exchange.scope["query_string"])
    except Exception:  # noqa: BLE001 - names are for limits and logs; whether the caller may is asked elsewhere
        _log.exception("nobody could tell who asks in request %s", exchange.request_id)
        return _STRANGER
    return found


def _window(kind: str, rate: Rate, state: AppState) -> SlidingWindow | None:
    if not rate.count:
        return None
    # Without a cache that all processes share the limit holds for this one: better than none.
    return SlidingWindow(kind, rate, state.cache if state.has(CACHE) else MemoryCache(state.require(CLOCK)))


def _added_headers(settings: WebSettings, origins: Origins) -> RawHeaders:
    seconds = settings.strict_transport_seconds
    strict = ((b"strict-transport-security", b"max-age=%d; includeSubDomains" % seconds),) if seconds else ()
    return (*SECURITY_HEADERS, *strict, *origins.always)


def _excess(wait: float) -> Problem:
    seconds = max(math.ceil(wait), 1)
    return Problem(429, "That was too often.", "limit-reached", headers={"Retry-After": str(seconds)})

"""The guard as a transport of httpx2, for libraries that take a client of theirs."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

import httpcore2
import httpx2

from botstate.guarded.addresses import parse_allowed
from botstate.guarded.network import GuardedBackend, resolve
from botstate.guarded.targets import parse_target

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator

    from botstate.guarded.network import Resolver
    from botstate.http import HttpSettings

_IDLE_SECONDS = 15.0


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to public addresses only, each redirect included: `httpx2.AsyncClient(transport=…)`.

    It guards where requests go, and nothing else: limits of size and time are those of whoever uses it. Errors of the
    guard are `BotError`s; those of the network are the ones that every transport of httpx2 raises.
    """

    def __init__(self, settings: HttpSettings, context: ssl.SSLContext, resolver: Resolver = resolve) -> None:
        self._ports = frozenset(settings.ports)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=settings.connections,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=GuardedBackend(parse_allowed(settings.allowed), resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url, _ = parse_target(str(request.url), self._ports)
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx2():
            answer = await self._pool.handle_async_request(asked)
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    """What httpx2 wants to see of the body."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx2():
            async with aclosing(self._answer.aiter_stream()) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def _errors_of_httpx2() -> Iterator[None]:
    """Both libraries have the same errors by the same names."""
    try:
        yield
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        raise getattr(httpx2, type(error).__name__, httpx2.TransportError)(str(error)) from error

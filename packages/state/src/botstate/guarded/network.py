"""Where connections are made: the guard itself."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError, ConnectTimeout

from botlib import BudgetError, ForbiddenError
from botstate.guarded.addresses import is_public

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable

    from httpcore2 import SOCKET_OPTION

    from botstate.guarded.addresses import Address, Allowed

    #: Gives every address of a name, in the order in which to try them.
    Resolver = Callable[[str], Awaitable[list[str]]]

_log = logging.getLogger(__name__)
_MOST_ADDRESSES = 16


class Meter:
    """How many bytes an answer may still bring over the wire, headers and framing included."""

    def __init__(self, allowed: float) -> None:
        self._allowed = allowed
        self._left = allowed

    def count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise BudgetError("size", f"{self._allowed:.0f} bytes on the wire")


#: The meter of the request that this task sends. A connection takes it along when the request is written, because
#: the answer may be read by another task.
METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


async def resolve(host: str) -> list[str]:
    """The addresses that the system knows for a name. Raises `OSError` when there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedBackend(AsyncNetworkBackend):
    """Connects to addresses that are public, or that the operator allows, and to nothing else."""

    def __init__(self, allowed: Allowed, resolver: Resolver = resolve) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        now = asyncio.get_running_loop().time
        deadline = None if timeout is None else now() + timeout
        addresses = await self._checked_addresses(host, timeout)
        for tried, address in enumerate(addresses, 1):
            share = None if deadline is None else max(deadline - now(), 0.0) / (len(addresses) - tried + 1)
            try:
                stream = await self._backend.connect_tcp(address, port, share, local_address, socket_options)
            except (ConnectError, ConnectTimeout):
                if tried == len(addresses):
                    raise
            else:
                return _MeteredStream(stream)
        raise ConnectError("The name has no address.")

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the signature of the base class
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> AsyncNetworkStream:
        raise ForbiddenError("A socket of this machine may not be reached.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def _checked_addresses(self, host: str, seconds: float | None) -> list[str]:
        addresses = await self._addresses(host, seconds)
        if host not in self._allowed.hosts:
            # All of them: a name with one address outside and one inside is a trap, not a mistake.
            for address in addresses:
                self._check(host, ip_address(address))
        return addresses

    def _check(self, host: str, address: Address) -> None:
        if not is_public(address) and not self._allowed.covers(address):
            _log.warning("refused to connect to %s: it is at %s", host, address)
            raise ForbiddenError(
                f"{host} may not be reached from here.",
                remedy="Use a public address, or ask the operator to add it to http.allowed.",
            )

    async def _addresses(self, host: str, seconds: float | None) -> list[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            async with asyncio.timeout(seconds):
                return (await self._resolver(host))[:_MOST_ADDRESSES]
        except TimeoutError:
            raise ConnectTimeout("The name was not resolved in time.") from None
        except (OSError, UnicodeError):
            raise ConnectError("The name cannot be resolved.") from None


class _MeteredStream(AsyncNetworkStream):
    """A connection that counts what it brings."""

    def __init__(self, stream: AsyncNetworkStream, meter: Meter | None = None) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as in the base class
        data = await self._stream.read(max_bytes, timeout)
        if self._meter is not None:
            self._meter.count(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in the base class
        self._meter = METER.get()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the base class
    ) -> AsyncNetworkStream:
        return _MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

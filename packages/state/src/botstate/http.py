"""Requests to other people's servers, at addresses that strangers may have chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - settings read the types of their fields at run time
from typing import TYPE_CHECKING, Protocol

from botlib import BotError, Bytes, Seconds
from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from botlib import Budget

#: Names and values in the order in which they were sent; a name may stand there several times.
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HttpRequest:
    """What to ask. `url` may come from a stranger; headers and body may not be for a stranger's eyes.

    The client writes Host, Content-Length and all that concerns the connection itself.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True)
class HttpResponse:
    """A whole answer. `url` is where it came from in the end; `body` is decompressed."""

    status: int
    url: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of this header, in any case of letters, or None."""
        return find_header(self.headers, name)


@dataclass(frozen=True)
class HttpStream:
    """An answer whose body arrives in pieces. `body` can be read once, within the context that gave the stream."""

    status: int
    url: str
    headers: Headers
    body: AsyncIterator[bytes]

    def header(self, name: str) -> str | None:
        """The first value of this header, in any case of letters, or None."""
        return find_header(self.headers, name)


class Http(Protocol):
    """Sends requests to public addresses only, and reads no more than the budget allows.

    The budget is for all of it: name, connection, redirects and body; its size counts the body after decompression.
    What it leaves open, or all without one, the operator has limited. Up to `redirects` are followed, each checked like
    the first address; credentials and cookies never go to another origin, and neither does a body: that redirect is
    refused, and so is one from https to http. With 0 a redirect is an answer like any other.

    Any status is an answer. No answer is an error: `InvalidError` for what is no usable URL or header,
    `ForbiddenError` for a place that may not be reached, `BudgetError` when the budget is spent, `UnavailableError`
    for a server that cannot be reached or answers with nonsense. None of them tells an address, a path or a header.
    """

    async def send(self, request: HttpRequest, *, budget: Budget | None = None, redirects: int = 5) -> HttpResponse:
        """The whole answer."""
        ...

    def stream(
        self, request: HttpRequest, *, budget: Budget | None = None, redirects: int = 5
    ) -> AbstractAsyncContextManager[HttpStream]:
        """The answer as it arrives. Leaving the context ends the request, also half-way."""
        ...


HTTP = Capability[Http]("http", remedy="Add `botstate.http_service` to the services.")


@dataclass(frozen=True)
class HttpSettings:
    """Limits of what a request may take when its caller sets none, and which places it may reach.

    `seconds` for the whole of a request and `connect_seconds` for its connection; `size` is the largest body in bytes.
    `allowed` are hosts ("wiki.example") and networks ("10.1.0.0/16", "127.0.0.1") that may be reached although they
    are not public. A host is taken at its word: whatever it resolves to is reached. `ports` are all that are used.
    `certificates` is a file of authorities to trust besides those of the system.
    """

    seconds: Seconds = 30.0
    connect_seconds: Seconds = 10.0
    size: Bytes = 10_000_000
    connections: int = 100
    ports: tuple[int, ...] = (80, 443)
    allowed: tuple[str, ...] = ()
    certificates: Path | None = None

    def __post_init__(self) -> None:
        from botstate.guarded.addresses import parse_allowed

        if self.seconds <= 0 or self.connect_seconds <= 0:
            raise ValueError("seconds and connect_seconds are numbers of seconds, more than zero.")
        if self.size < 0 or self.connections < 1:
            raise ValueError("size is a number of bytes, and connections a number that is at least 1.")
        try:
            parse_allowed(self.allowed)
        except BotError as error:
            raise ValueError(str(error)) from None


def find_header(headers: Headers, name: str) -> str | None:
    """The first value of this header, in any case of letters, or None."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)

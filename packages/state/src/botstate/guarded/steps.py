"""A request, and the one that follows from a redirect. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from httpx2 import URL, InvalidURL

from botlib import ForbiddenError, InvalidError
from botstate.guarded.targets import Origin, parse_target

if TYPE_CHECKING:
    from collections.abc import Collection

    from botstate.http import Headers, HttpRequest

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OURS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "te", "trailer", "expect", "accept-encoding"),
        *("connection", "keep-alive", "upgrade", "proxy-authorization", "proxy-connection"),
    }
)
# What may go to another origin. Whatever is not known to be harmless may be a credential.
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"})


@dataclass(frozen=True)
class Step:
    """One request of a chain of redirects, checked."""

    method: str
    url: URL
    origin: Origin
    headers: Headers
    body: bytes

    def redirected(self, status: int, location: str, ports: Collection[int]) -> Step:
        """The next request, or `ForbiddenError` when something would get where it does not belong."""
        try:
            url, origin = parse_target(str(self.url.join(location)), ports)
        except (InvalidError, InvalidURL):
            raise ForbiddenError(f"{self.origin} redirects to a place that may not be reached.") from None
        if self.origin.scheme == "https" and origin.scheme == "http":
            raise ForbiddenError(f"{self.origin} redirects to a place without encryption.")
        method, body = self.method, self.body
        if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
            method, body = "GET", b""
        headers = tuple(it for it in self.headers if body or not it[0].lower().startswith("content-"))
        if origin != self.origin:
            if body:
                raise ForbiddenError(f"{self.origin} redirects a request that has a body to another server.")
            headers = tuple(it for it in headers if it[0].lower() in _HARMLESS)
        return Step(method, url, origin, headers, body)


def first_step(request: HttpRequest, ports: Collection[int]) -> Step:
    """The request as it may be sent, or `InvalidError`. `ForbiddenError` for a port that may not be used."""
    if not _TOKEN.fullmatch(request.method) or request.method.upper() in {"CONNECT", "TRACE"}:
        raise InvalidError("The method of a request is not understood.", remedy="Use GET or POST.")
    for name, value in request.headers:
        _check_header(name, value)
    url, origin = parse_target(request.url, ports)
    return Step(request.method.upper(), url, origin, request.headers, request.body)


def _check_header(name: str, value: str) -> None:
    if name.lower() in _OURS:
        raise InvalidError(f"The header {name} is written by the client.", remedy="Leave it out.")
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value) or value != value.strip():
        raise InvalidError("A header is none that HTTP can carry.", remedy="Leave out line ends and the like.")

"""Reads what matters of a request in one pass over its headers, and says what is wrong with its form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botserver_core.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from botserver_core.settings import WebSettings

# BASELINE-CONTROL, of RFC 3253, is the longest of the registry, with 16.
_LONGEST_METHOD = 32

_CONTROL = re.compile("[\x00-\x1f\x7f\ufffd]")
# What a caller sends is repeated in logs and headers, so it must be plain.
_PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Seen:
    """What one pass over the headers found. b"" is a header that is not there."""

    __slots__ = (
        "bytes",
        "chunked",
        "host",
        "hosts",
        "length",
        "origin",
        "request_id",
        "wanted_headers",
        "wanted_method",
    )

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.host = self.origin = self.length = self.chunked = self.request_id = b""
        self.wanted_method = self.wanted_headers = b""
        self.hosts = 0
        size = 0
        for name, value in headers:
            size += len(name) + len(value)
            if name not in _WANTED:
                continue
            if name == b"host":
                self.host = value
                self.hosts += 1
            elif name == b"content-length":
                self.length = value
            elif name == b"origin":
                self.origin = value
            elif name == b"transfer-encoding":
                self.chunked = value
            elif name == b"x-request-id":
                self.request_id = value
            elif name == b"access-control-request-method":
                self.wanted_method = value
            else:
                self.wanted_headers = value
        self.bytes = size

    def plain_id(self) -> str:
        """The caller's own request id, or "" when there is none that may be repeated."""
        sent = self.request_id
        return sent.decode() if sent and _PLAIN_ID.fullmatch(sent) else ""


_WANTED = frozenset(
    {
        b"access-control-request-headers",
        b"access-control-request-method",
        b"content-length",
        b"host",
        b"origin",
        b"transfer-encoding",
        b"x-request-id",
    }
)


def find_fault_of_form(scope: MutableMapping[str, Any], seen: Seen, settings: WebSettings) -> Problem | None:
    """Why nobody should look at this request: too much of something, or a form that two readers read in two ways."""
    if len(scope["headers"]) > settings.header_count or seen.bytes > settings.header_bytes:
        return _TOO_MANY_HEADERS
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or path.encode()
    if len(raw) + len(scope["query_string"]) > settings.url_bytes:
        return _URL_TOO_LONG
    if len(scope.get("method", "")) > _LONGEST_METHOD:
        return _NO_METHOD
    if path[:1] != "/" or (b"%" in raw and _CONTROL.search(path)):
        return _BAD_PATH
    if seen.hosts > 1:
        return _TWO_HOSTS
    if seen.chunked and seen.length:
        return _TWO_LENGTHS
    return None


_CLOSE = {"Connection": "close"}
_TOO_MANY_HEADERS = Problem(431, "The headers are too many or too long.", "too-large", headers=_CLOSE)
_URL_TOO_LONG = Problem(414, "The address is too long.", "too-large", headers=_CLOSE)
_BAD_PATH = Problem(400, "The path holds what no path holds.", "invalid", headers=_CLOSE)
_NO_METHOD = Problem(400, "That is no method.", "invalid", headers=_CLOSE)
_TWO_HOSTS = Problem(400, "The request names two hosts.", "invalid", headers=_CLOSE)
_TWO_LENGTHS = Problem(400, "The request tells its length in two ways.", "invalid", headers=_CLOSE)

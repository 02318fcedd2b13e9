"""Which web pages may talk to the server: its own, and those that are listed. Sockets are asked too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Headers of an answer: names in lower case, and values.
RawHeaders = tuple[tuple[bytes, bytes], ...]

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_EXPOSED = b"x-request-id, retry-after, etag, location"
_REMEMBERED = 256


class Verdict(NamedTuple):
    """Whether a page of this origin may talk to the server, and which headers its browser needs to see."""

    allowed: bool
    headers: RawHeaders = ()


_OWN = Verdict(allowed=True)
_STRANGER = Verdict(allowed=False)


class Origins:
    """The rule of `WebSettings.origins`.

    A request without an Origin comes from no page, or from one of the same server, and is none of our business here.
    One with an Origin must be of the host that it is sent to, or be listed: also from this machine, for everybody's
    browser runs on some machine.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._listed = frozenset(origin.lower().encode() for origin in allowed)
        self._any = b"*" in self._listed
        self._known: dict[tuple[bytes, bytes, str], Verdict] = {}
        #: What every answer carries, so that caches keep answers for different pages apart.
        self.always: RawHeaders = ((b"vary", b"Origin"),) if self._listed else ()

    def judge(self, origin: bytes, host: bytes, scheme: str) -> Verdict:
        """`scheme` is that of the request: http, https, ws or wss."""
        key = (origin, host, scheme)
        known = self._known.get(key)
        if known is None:
            known = self._judge(origin.lower(), host.lower(), scheme)
            if len(self._known) < _REMEMBERED:
                self._known[key] = known
        return known

    def _judge(self, origin: bytes, host: bytes, scheme: str) -> Verdict:
        # A page of http may not speak for the same host of https; behind a proxy that ends TLS it is the other way.
        own = (b"https://" + host,) if scheme in {"https", "wss"} else (b"http://" + host, b"https://" + host)
        if origin in own:
            return _OWN
        if self._any or origin in self._listed:
            shown = b"*" if self._any else origin
            exposed = (b"access-control-expose-headers", _EXPOSED)
            return Verdict(allowed=True, headers=((b"access-control-allow-origin", shown), exposed))
        return _STRANGER


def preflight_headers(wanted: bytes) -> RawHeaders:
    """What a browser that asks beforehand is told; `wanted` are the headers that its page wants to send."""
    return (
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", wanted or b"content-type"),
        (b"access-control-max-age", b"600"),
    )

"""Cache, channels and streams as one thing, which they are where they share a server, and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from botlib import InvalidError, Secret
from botstate.capability import Capability
from botstate.secrets import is_reference

if TYPE_CHECKING:
    from botstate.cache import Cache
    from botstate.channels import Channels
    from botstate.streams import Streams

_SCHEMES = frozenset({"redis", "rediss", "valkey", "valkeys", "unix"})
_URL_REMEDY = "Write redis://HOST:PORT/NUMBER, rediss:// for TLS, or unix:///PATH?db=NUMBER."


@dataclass(frozen=True)
class CacheSettings:
    """The part `cache`: where cache, channels and streams live. Without `url` that is this process.

    It is `redis://…`, `rediss://…` with TLS, `unix://…`, or a reference to the secret that holds it.
    All keys begin with `prefix`, so that several servers can share one Valkey. A call takes at most `timeout` seconds.
    There are at most `connections` for calls, as many again for readers of streams that wait (more than these look
    again four times a second), and one that listens.
    """

    url: Secret = field(default_factory=lambda: Secret(""))
    prefix: str = "bot:"
    timeout: float = 5.0
    connections: int = 20

    def __post_init__(self) -> None:
        if self.url and not is_reference(self.url):
            check_url(self.url)
        if self.timeout <= 0:
            raise ValueError("timeout is a number of seconds, more than 0.")
        if self.connections < 1:
            raise ValueError("connections is at least 1.")


class KeyValue(NamedTuple):
    """The three that share one server."""

    cache: Cache
    channels: Channels
    streams: Streams


KEY_VALUE = Capability[KeyValue]("key-value")


def check_url(url: Secret) -> None:
    """`InvalidError` when it names no server. It is not repeated, because it may hold a password."""
    try:
        parts = urlsplit(url.reveal())
        port_is_valid = parts.scheme == "unix" or parts.port != 0
    except ValueError:
        raise InvalidError("cache.url is no URL.", remedy=_URL_REMEDY) from None
    place = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in _SCHEMES or not place or not port_is_valid:
        raise InvalidError("cache.url names no server.", remedy=_URL_REMEDY)
    if parts.query and not (parts.scheme == "unix" and parts.query.removeprefix("db=").isdecimal()):
        raise InvalidError("cache.url has options, which are not understood.", remedy=_URL_REMEDY)
    number = parts.path.removeprefix("/")
    if parts.scheme != "unix" and number and not number.isdecimal():
        raise InvalidError("cache.url names a database that is no number.", remedy=_URL_REMEDY)

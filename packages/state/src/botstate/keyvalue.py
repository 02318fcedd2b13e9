"""The service that opens cache, channels and streams: in this process, or in a Redis or Valkey server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from botlib import InvalidError, Secret
from botstate.cache import CACHE, Cache
from botstate.capability import Capability
from botstate.channels import CHANNELS, Channels
from botstate.extras import needs_extra
from botstate.foundation import CLOCK, RANDOMNESS
from botstate.memory import MemoryCache, MemoryChannels, MemoryStreams
from botstate.secrets import SECRETS, is_reference, resolve
from botstate.service import Provider, Service
from botstate.settings import SETTINGS
from botstate.streams import STREAMS, Streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botlib import Clock
    from botstate.state import AppState

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


def memory_key_value(clock: Clock) -> KeyValue:
    """All three in this process."""
    return KeyValue(MemoryCache(clock), MemoryChannels(), MemoryStreams(clock))


@asynccontextmanager
async def _open(state: AppState) -> AsyncIterator[KeyValue]:
    settings, clock = state.settings.part(CacheSettings), state.require(CLOCK)
    if not settings.url:
        yield memory_key_value(clock)
        return
    with needs_extra("redis", "cache.url"):
        from botstate.valkey import open_valkey
    url = await resolve(settings.url, state.secrets)
    check_url(url)
    async with open_valkey(url, settings, clock, state.require(RANDOMNESS)) as key_value:
        yield key_value


@asynccontextmanager
async def _hand_over_cache(state: AppState) -> AsyncIterator[Cache]:
    yield state.require(KEY_VALUE).cache


@asynccontextmanager
async def _hand_over_channels(state: AppState) -> AsyncIterator[Channels]:
    yield state.require(KEY_VALUE).channels


@asynccontextmanager
async def _hand_over_streams(state: AppState) -> AsyncIterator[Streams]:
    yield state.require(KEY_VALUE).streams


async def _check(state: AppState) -> None:
    key = f"health:{state.require(RANDOMNESS).random_bytes(8).hex()}"
    await state.cache.set(key, b"1", ttl=5)  # also writes, which a server that is full or read-only refuses
    await state.cache.delete(key)


#: Provides cache, channels and streams to the services that require them.
cache_service: Service = Service(
    name="cache",
    summary="Keeps what all processes share for a while, and passes messages between them.",
    provides=(
        Provider(KEY_VALUE, _open),
        Provider(CACHE, _hand_over_cache),
        Provider(CHANNELS, _hand_over_channels),
        Provider(STREAMS, _hand_over_streams),
    ),
    requires=(SETTINGS, SECRETS, CLOCK, RANDOMNESS),
    settings=CacheSettings,
    check=_check,
)


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

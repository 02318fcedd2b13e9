"""The service that opens cache, channels and streams: in this process, or in a Redis or Valkey server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.cache import CACHE, Cache
from botstate.channels import CHANNELS, Channels
from botstate.extras import needs_extra
from botstate.foundation import CLOCK, RANDOMNESS
from botstate.keyvalue import KEY_VALUE, CacheSettings, KeyValue, check_url
from botstate.memory import MemoryCache, MemoryChannels, MemoryStreams
from botstate.secrets import SECRETS, resolve
from botstate.service import Provider, Service
from botstate.settings import SETTINGS
from botstate.streams import STREAMS, Streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botlib import Clock
    from botstate.state import AppState


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

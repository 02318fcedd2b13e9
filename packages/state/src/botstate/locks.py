"""Locks between processes, made of a cache."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from botlib import ConflictError, UnavailableError
from botstate.cache import CACHE
from botstate.foundation import CLOCK, RANDOMNESS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.cache import Cache
    from botstate.state import AppState

_PAUSE = (0.01, 0.05)  # seconds between two tries; chance keeps many waiters apart


class Lock:
    """A lock that is held, until `ttl` seconds after it was taken or renewed; then others may have it.

    So a lock makes double work rare, not impossible: what must never happen twice belongs into a database transaction.
    """

    def __init__(self, cache: Cache, key: str, token: bytes, ttl: float) -> None:
        self._cache = cache
        self._key = key
        self._token = token
        self._ttl = ttl

    async def renew(self) -> bool:
        """Hold it for another `ttl` seconds. False when it was lost: stop the work."""
        return await self._cache.compare_and_set(self._key, self._token, self._token, ttl=self._ttl)

    async def release(self) -> bool:
        """Give it back. False when it was lost before."""
        return await self._cache.delete(self._key, expected=self._token)


@asynccontextmanager
async def hold_lock(state: AppState, name: str, *, ttl: float, patience: float = 0.0) -> AsyncIterator[Lock]:
    """Hold the lock of this name, and release it at the end. The service needs CACHE, CLOCK and RANDOMNESS.

    Waits up to `patience` seconds for another holder; then `ConflictError`. When the cache cannot be reached at the
    end, the lock goes with its `ttl`.
    """
    cache, clock, randomness = state.require(CACHE), state.require(CLOCK), state.require(RANDOMNESS)
    key, token = f"lock:{name}", randomness.random_bytes(16)
    lock = Lock(cache, key, token, ttl)
    deadline = clock.monotonic() + patience
    try:
        while not await cache.set(key, token, ttl=ttl, if_absent=True):
            if clock.monotonic() >= deadline:
                raise ConflictError(f"Somebody else holds the lock {name}.", remedy="Try again later.")
            await clock.sleep(randomness.uniform(*_PAUSE))
        yield lock
    finally:
        # Also when `set` did not return: it may have taken the lock all the same.
        with suppress(UnavailableError):
            await lock.release()

"""Short-lived values that all processes of a server share: sessions, counters, locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Cache(Protocol):
    """Keys with values that may expire. Each call is atomic; a value may vanish early, so it is never the only copy.

    A key is any text, best with a prefix of its service, as in "mail:sent:anna". `ttl` is the time to live in seconds,
    more than zero; without it the value does not expire. An expired key is absent.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None when the key is absent."""
        ...

    async def set(self, key: str, value: bytes, *, ttl: float | None = None, if_absent: bool = False) -> bool:
        """Put a value in. With `if_absent` an existing one stays, and the answer is False."""
        ...

    async def increment(self, key: str, by: int = 1, *, ttl: float | None = None) -> int:
        """Add to a number and return the sum; an absent key counts as 0, and only then `ttl` begins.

        `InvalidError` when the value is no whole number or the sum does not fit into 64 bits.
        """
        ...

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes, *, ttl: float | None = None
    ) -> bool:
        """Put a value in if the key has the expected one (None: is absent). The answer tells whether it was."""
        ...

    async def delete(self, key: str, *, expected: bytes | None = None) -> bool:
        """Remove the key, with `expected` only if that is its value. The answer tells whether it was removed."""
        ...

    def scan(self, prefix: str) -> AsyncIterator[str]:
        """Each key with this prefix once, in no order; one that comes or goes meanwhile may be left out. It is slow."""
        ...


CACHE = Capability[Cache]("cache", remedy="Add `botstate.cache_service` to the services.")

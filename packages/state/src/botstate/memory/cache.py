"""The cache of a server that is one process."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from botlib import InvalidError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botlib import Clock

_FOREVER = float("inf")
_LARGEST = 2**63 - 1


class MemoryCache:
    """A `Cache` in this process. For one event loop.

    Expired values are removed at the next write, so memory holds no more than what lives, plus as many deadlines.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._deadlines: list[tuple[float, str]] = []

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None or (entry.deadline is not _FOREVER and entry.deadline <= self._clock.monotonic()):
            return None
        return entry.value

    async def set(self, key: str, value: bytes, *, ttl: float | None = None, if_absent: bool = False) -> bool:
        deadline = self._deadline(ttl)
        self._remove_expired()
        if if_absent and key in self._entries:
            return False
        self._put(key, value, deadline)
        return True

    async def increment(self, key: str, by: int = 1, *, ttl: float | None = None) -> int:
        deadline = self._deadline(ttl)
        self._remove_expired()
        entry = self._entries.get(key)
        total = by + (_number(key, entry.value) if entry else 0)
        if not -_LARGEST - 1 <= total <= _LARGEST:
            raise InvalidError(f"The sum in {key!a} does not fit into 64 bits.")
        self._put(key, b"%d" % total, entry.deadline if entry else deadline)
        return total

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes, *, ttl: float | None = None
    ) -> bool:
        deadline = self._deadline(ttl)
        self._remove_expired()
        entry = self._entries.get(key)
        if (entry.value if entry else None) != expected:
            return False
        self._put(key, value, deadline)
        return True

    async def delete(self, key: str, *, expected: bytes | None = None) -> bool:
        self._remove_expired()
        entry = self._entries.get(key)
        if entry is None or (expected is not None and entry.value != expected):
            return False
        del self._entries[key]
        return True

    async def scan(self, prefix: str) -> AsyncIterator[str]:
        self._remove_expired()
        for key in [key for key in self._entries if key.startswith(prefix)]:
            if await self.get(key) is not None:
                yield key

    def _deadline(self, ttl: float | None) -> float:
        if ttl is None:
            return _FOREVER
        if not ttl > 0:
            raise ValueError("A time to live is more than zero seconds.")
        return self._clock.monotonic() + ttl

    def _put(self, key: str, value: bytes, deadline: float) -> None:
        self._entries[key] = _Entry(value, deadline)
        if deadline is _FOREVER:
            return
        heappush(self._deadlines, (deadline, key))
        if len(self._deadlines) > 2 * len(self._entries) + 64:
            # Keys that were written again left their old deadlines behind.
            self._deadlines = [(it.deadline, key) for key, it in self._entries.items() if it.deadline is not _FOREVER]
            heapify(self._deadlines)

    def _remove_expired(self) -> None:
        if not self._deadlines:
            return
        now = self._clock.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, key = heappop(self._deadlines)
            entry = self._entries.get(key)
            if entry is not None and entry.deadline <= now:
                del self._entries[key]


class _Entry(NamedTuple):
    value: bytes
    deadline: float


def _number(key: str, value: bytes) -> int:
    # One spelling for each number, as servers have it: no space, no plus, no zero in front.
    try:
        number = int(value)
    except ValueError:
        number = None
    if number is None or b"%d" % number != value:
        raise InvalidError(f"The value of {key!a} is no whole number.")
    return number

"""How often somebody may ask: sliding windows in the cache, so that they hold across all processes of a server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botserver_core.settings import Rate
    from botstate import Cache

_REMEMBERED = 10_000

_log = logging.getLogger(__name__)


class SlidingWindow:
    """Counts requests of one kind of caller.

    Two counters make a window that slides: that of the running span, and as much of the one before as still lies
    within. A request that is refused is not counted, so whoever keeps asking is let in as soon as there is room. When
    the cache fails the request passes: a server without its cache is limited by other means.
    """

    def __init__(self, kind: str, rate: Rate, cache: Cache) -> None:
        self._kind = kind
        self._limit = rate.count
        self._span = rate.seconds
        self._cache = cache
        # What was counted in the span before does not change any more, so it is asked for once.
        self._before: dict[str, int] = {}
        self._number = -1

    async def admit(self, who: str, moment: float) -> float:
        """0 when the request may pass, else the seconds after which there is room again if nobody else takes it.

        `moment` is the time of day in seconds, which all processes know alike.
        """
        number = int(moment // self._span)
        into = moment - number * self._span
        try:
            return await self._count(who, number, into)
        except Exception:  # noqa: BLE001 - caches of others raise what they like
            _log.exception("the cache does not count requests by %s; they pass", self._kind)
            return 0.0

    async def _count(self, who: str, number: int, into: float) -> float:
        key = f"http:{self._kind}:{number}:{who}"
        here = await self._cache.increment(key, ttl=2 * self._span)
        before = self._before.get(who) if number == self._number else None
        if before is None:
            before = await self._counted_before(who, number)
        if here + before * (1 - into / self._span) <= self._limit:
            return 0.0
        await self._cache.increment(key, -1, ttl=2 * self._span)
        return self._wait(here - 1, before, into)

    async def _counted_before(self, who: str, number: int) -> int:
        if number != self._number or len(self._before) >= _REMEMBERED:
            self._number = number
            self._before = {}
        value = await self._cache.get(f"http:{self._kind}:{number - 1}:{who}")
        found = self._before[who] = int(value or 0)
        return found

    def _wait(self, here: int, before: int, into: float) -> float:
        if here < self._limit:  # enough of the span before must slide out
            return max(self._span * (1 - (self._limit - here - 1) / before) - into, 0.001)
        # The running span becomes the one before, and then enough of it must slide out.
        return (self._span - into) + self._span * (1 - (self._limit - 1) / here)

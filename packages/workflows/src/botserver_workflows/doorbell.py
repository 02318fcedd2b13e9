"""Tells a worker of the same process that there is something to do. A hint: whoever misses it looks a little later."""

from __future__ import annotations

import asyncio


class Doorbell:
    """For one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is something to do."""
        self._rung.set()

    def clear(self) -> None:
        """Whoever is about to look forgets earlier rings."""
        self._rung.clear()

    async def wait(self, seconds: float, *others: asyncio.Event) -> None:
        """Return when it rings, when one of the other events is set, or after that many seconds."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._rung, *others)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for it in waiting:
                it.cancel()

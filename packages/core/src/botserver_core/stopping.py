"""Whether the server is on its way out."""

from __future__ import annotations

import asyncio


class Switch:
    """Off until the server is told to stop, and never off again. Readiness tells it; streams end by it."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether the server was told to stop."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Wake up all who wait."""
        self._stopped.set()

    async def wait(self) -> None:
        """Return when the server is told to stop: what runs without an end of its own ends then."""
        await self._stopped.wait()

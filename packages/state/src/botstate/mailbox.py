"""What one listener has not read yet: the bounded queue behind every subscription."""

from __future__ import annotations

import asyncio
from collections import deque

from botstate.channels import Missed


class Mailbox:
    """Messages in order, read by one task. One that is `capacity` behind loses them all and learns it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._messages: deque[bytes | Missed] = deque()
        self._arrived = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Add a message; it does not wait."""
        if len(self._messages) >= self._capacity:
            self.miss()
        self._messages.append(message)
        self._arrived.set()

    def miss(self) -> None:
        """Messages were lost: what waits here is no longer all there is, so `Missed` takes its place."""
        self._messages.clear()
        self._messages.append(Missed())
        self._arrived.set()

    def __aiter__(self) -> Mailbox:
        return self

    async def __anext__(self) -> bytes | Missed:
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

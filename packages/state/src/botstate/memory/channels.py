"""Channels within one process."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.channels import Missed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class MemoryChannels:
    """`Channels` in this process, for one event loop. A listener may be `capacity` messages behind."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._listeners: dict[str, set[_Mailbox]] = {}

    async def publish(self, channel: str, message: bytes) -> None:
        for mailbox in self._listeners.get(channel, ()):
            mailbox.put(message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes | Missed]]:
        mailbox = _Mailbox(self._capacity)
        listeners = self._listeners.setdefault(channel, set())
        listeners.add(mailbox)
        try:
            yield mailbox
        finally:
            listeners.discard(mailbox)
            if not listeners:
                del self._listeners[channel]


class _Mailbox:
    """What one listener has not read yet."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._messages: deque[bytes | Missed] = deque()
        self._arrived = asyncio.Event()

    def put(self, message: bytes) -> None:
        if len(self._messages) >= self._capacity:
            self._messages.clear()
            self._messages.append(Missed())
        self._messages.append(message)
        self._arrived.set()

    def __aiter__(self) -> _Mailbox:
        return self

    async def __anext__(self) -> bytes | Missed:
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

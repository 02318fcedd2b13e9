"""Channels within one process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.channels import Missed


class MemoryChannels:
    """`Channels` in this process, for one event loop. A listener may be `capacity` messages behind."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._listeners: dict[str, set[Mailbox]] = {}

    async def publish(self, channel: str, message: bytes) -> None:
        for mailbox in self._listeners.get(channel, ()):
            mailbox.put(message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes | Missed]]:
        mailbox = Mailbox(self._capacity)
        listeners = self._listeners.setdefault(channel, set())
        listeners.add(mailbox)
        try:
            yield mailbox
        finally:
            listeners.discard(mailbox)
            if not listeners:
                del self._listeners[channel]

"""Channels through a Redis or Valkey server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.channels import Missed
    from botstate.valkey.listener import Listener
    from botstate.valkey.server import Server


class ValkeyChannels:
    """`Channels` between all processes. A subscription may be `capacity` messages behind."""

    def __init__(self, server: Server, listener: Listener, capacity: int = 1_000) -> None:
        self._server = server
        self._listener = listener
        self._capacity = capacity

    async def publish(self, channel: str, message: bytes) -> None:
        await self._server.call("PUBLISH", self._server.key("channel", channel), message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[bytes | Missed]]:
        key, mailbox = self._server.key("channel", channel), Mailbox(self._capacity)
        try:
            await self._listener.join(key, mailbox)
            yield mailbox
        finally:
            self._listener.leave(key, mailbox)

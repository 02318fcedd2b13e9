"""Cache, channels and streams in a Redis or Valkey server, for a server that is several processes.

It needs the extra `redis`. Import it where it is opened: `botstate.keyvalue` does.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from botstate.keyvalue import KeyValue
from botstate.valkey.cache import ValkeyCache
from botstate.valkey.channels import ValkeyChannels
from botstate.valkey.listener import Listener
from botstate.valkey.server import Server
from botstate.valkey.streams import ValkeyStreams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botlib import Clock, Randomness, Secret
    from botstate.keyvalue import CacheSettings

__all__ = ["Server", "ValkeyCache", "ValkeyChannels", "ValkeyStreams", "open_valkey"]


@asynccontextmanager
async def open_valkey(
    url: Secret, settings: CacheSettings, clock: Clock, randomness: Randomness
) -> AsyncIterator[KeyValue]:
    """All three on the server behind `url`. For one event loop.

    Opening does not connect: a server that is not there yet is found by the first call, or by those that come later.
    """
    server = Server(url, settings, clock, randomness)
    listener = Listener(server)
    listening = asyncio.create_task(listener.run(), name="valkey listener")
    try:
        yield KeyValue(
            cache=ValkeyCache(server),
            channels=ValkeyChannels(server, listener),
            streams=ValkeyStreams(server, clock),
        )
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await server.close()

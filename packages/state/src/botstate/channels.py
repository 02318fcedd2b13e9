"""Messages to whoever listens at the moment: a wake-up, never the only copy of anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager


class Missed:
    """Comes in the place of messages that were lost: the listener was too slow, or cut off for a while.

    What they told is to be read again where it is kept.
    """


class Channels(Protocol):
    """Publish and subscribe between all processes of a server."""

    async def publish(self, channel: str, message: bytes) -> None:
        """Send to all that listen now. It does not wait for them, and nobody listening is no error."""
        ...

    def subscribe(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[bytes | Missed]]:
        """Listen: every message that is published once the context is entered, in order, or `Missed`."""
        ...


CHANNELS = Capability[Channels]("channels", remedy="Add `botstate.cache_service` to the services.")

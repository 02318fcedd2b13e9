"""Events for those who listen now, in all processes of a server."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from botlib import InvalidError
from botstate.capability import Capability
from botstate.channels import Missed
from botstate.events.envelope import E, Received, Topic, pack, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from botlib import Clock, IdSource
    from botstate.channels import Channels

_log = logging.getLogger(__name__)


class Events:
    """Publish and subscribe with types. Whoever does not listen at the moment does not hear of it."""

    def __init__(self, channels: Channels, *, clock: Clock, ids: IdSource) -> None:
        self._channels = channels
        self._clock = clock
        self._ids = ids

    async def publish(self, topic: Topic[E], event: E) -> UUID:
        """Tell all that listen now. It does not wait for them, and nobody listening is no error."""
        received = self.stamp(event)
        await self.publish_packed(topic.name, pack(topic, received))
        return received.id

    @asynccontextmanager
    async def subscribe(self, topic: Topic[E]) -> AsyncIterator[AsyncIterator[Received[E] | Missed]]:
        """Listen: every event that is published once the context is entered, in order.

        `Missed` comes in the place of some that were lost, or that this release cannot understand: read again where
        they are kept.
        """
        async with self._channels.subscribe(_channel(topic.name)) as messages:
            yield _unpacked(topic, messages)

    @asynccontextmanager
    async def listening(
        self,
        topic: Topic[E],
        handler: Callable[[Received[E]], Awaitable[None]],
        *,
        missed: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[None]:
        """Call the handler for each event, one after the other, within the context; `missed` when some were lost.

        What a handler raises is logged and stops neither it nor others. Leaving the context cancels a call that runs.
        """
        async with self.subscribe(topic) as events:
            task = asyncio.create_task(_handle(topic, events, handler, missed))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def stamp(self, event: E) -> Received[E]:
        """The event with an id and the time."""
        return Received(self._ids.new_id(), self._clock.now(), event)

    async def publish_packed(self, name: str, envelope: dict[str, Any]) -> None:
        """Tell what is packed already, as the outbox does."""
        await self._channels.publish(_channel(name), json.dumps(envelope).encode())


EVENTS = Capability[Events]("events", remedy="Add `botstate.events_service` to the services.")


async def _unpacked(topic: Topic[E], messages: AsyncIterator[bytes | Missed]) -> AsyncIterator[Received[E] | Missed]:
    async for message in messages:
        if isinstance(message, Missed):
            yield message
            continue
        try:
            yield unpack(topic, message)
        except InvalidError as error:
            _log.warning("%s", error)
            yield Missed()


async def _handle(
    topic: Topic[E],
    events: AsyncIterator[Received[E] | Missed],
    handler: Callable[[Received[E]], Awaitable[None]],
    missed: Callable[[], Awaitable[None]] | None,
) -> None:
    async for event in events:
        try:
            if not isinstance(event, Missed):
                await handler(event)
            elif missed is not None:
                await missed()
        except Exception:  # noqa: BLE001 - whatever a handler raises, the next event comes
            _log.exception("a handler of the topic %s failed", topic.name)


def _channel(name: str) -> str:
    return f"events:{name}"

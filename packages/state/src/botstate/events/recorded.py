"""Events that must not be lost: recorded in a unit of work, delivered at least once to each that follows them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from botlib import InvalidError
from botstate.capability import Capability
from botstate.events.envelope import E, Received, Topic, pack, unpack
from botstate.outbox.messages import UndeliverableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botstate.database import Database
    from botstate.events.events import Events
    from botstate.outbox.messages import Message
    from botstate.outbox.outbox import Outbox

#: The kind of messages in the outbox that tell those who listen now. Those of a follower have a kind of their own.
KIND = "event"


class RecordedEvents:
    """Each follower has a name, which the database remembers: it gets what is recorded while its process is away.

    So a follower that is given up for good is to be dismissed, or messages for it gather until they are dead.
    """

    def __init__(self, database: Database, outbox: Outbox, events: Events) -> None:
        self._database = database
        self._outbox = outbox
        self._events = events

    async def record(self, session: AsyncSession, topic: Topic[E], event: E) -> UUID:
        """In this unit of work: tell all followers, and those who listen, once it is committed."""
        from botstate.events.tables import find_followers

        received = self._events.stamp(event)
        envelope: dict[str, Any] = pack(topic, received)
        followers = await find_followers(session, topic.name)
        for kind in (KIND, *(_kind(topic, name) for name in followers)):
            await self._outbox.enqueue(session, kind, envelope, key=f"event:{received.id}")
        return received.id

    @asynccontextmanager
    async def following(
        self, topic: Topic[E], name: str, handler: Callable[[Received[E]], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Get every event that is recorded from the first time on that this name follows, at least once each.

        One of the processes that follow by a name gets an event. When the handler raises it gets the event again, as
        any handler of the outbox; followers do not affect each other. Order is not kept.
        """
        from botstate.events.tables import add_follower

        async def deliver(message: Message) -> None:
            try:
                received = unpack(topic, dict(message.payload))
            except InvalidError as error:
                raise UndeliverableError(error.message) from None
            await handler(received)

        await self._database.write(partial(add_follower, topic=topic.name, name=name))
        async with self._outbox.handling(_kind(topic, name), deliver):
            yield

    async def dismiss(self, topic: Topic[E], name: str) -> None:
        """Tell this follower nothing more. What is on its way to it stays in the outbox."""
        from botstate.events.tables import remove_follower

        await self._database.write(partial(remove_follower, topic=topic.name, name=name))

    async def tell_listeners(self, message: Message) -> None:
        """The handler for the outbox: tells those who listen now."""
        await self._events.publish_packed(message.payload["kind"], dict(message.payload))


RECORDED_EVENTS = Capability[RecordedEvents](
    "recorded-events", remedy="Add `botstate.recorded_events_service` to the services."
)


def _kind(topic: Topic[E], name: str) -> str:
    return f"{KIND}:{topic.name}:{name}"

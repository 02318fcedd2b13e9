"""The outbox as services use it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from botstate.outbox import store
from botstate.outbox.dispatcher import CHANNEL, Dispatcher
from botstate.outbox.messages import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botlib import Clock, IdSource, Randomness
    from botstate.channels import Channels
    from botstate.database import Database
    from botstate.outbox.messages import Delivery, Handler, MessageState, OutboxSettings, StoredMessage

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_outbox(
    database: Database,
    channels: Channels,
    *,
    clock: Clock,
    randomness: Randomness,
    ids: IdSource,
    settings: OutboxSettings,
    worker: str | None = None,
) -> AsyncIterator[Outbox]:
    """The outbox of this process. `worker` is its name in the log of deliveries, by default host and process."""
    name = worker or f"{socket.gethostname()}:{os.getpid()}"
    dispatcher = Dispatcher(
        database, channels, clock=clock, randomness=randomness, ids=ids, settings=settings, worker=name
    )
    outbox = Outbox(database, channels, dispatcher, clock=clock, ids=ids)
    try:
        async with dispatcher.running():
            yield outbox
    finally:
        await outbox.settle()


class Outbox:
    """Enqueue in a unit of work, deliver afterwards, and tell what came of it."""

    def __init__(
        self, database: Database, channels: Channels, dispatcher: Dispatcher, *, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._channels = channels
        self._dispatcher = dispatcher
        self._clock = clock
        self._ids = ids
        self._hints: set[asyncio.Task[None]] = set()

    async def enqueue(
        self,
        session: AsyncSession,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str = "",
        due: datetime | None = None,
    ) -> UUID:
        """Have this message delivered once the unit of work of this session is committed, not before `due`.

        `kind` tells which handler gets it; `key` is whose it is, for those who read the log. The id that comes back is
        the one that every attempt has. Order is not kept: what must not overtake is one message.
        """
        now = self._clock.now()
        message = Message(self._ids.new_id(), kind, key, payload, now, 0)
        await store.insert_message(session, message, due or now)
        event.listen(session.sync_session, "after_commit", self._hint_later)
        return message.id

    def handling(self, kind: str, handler: Handler) -> AbstractAsyncContextManager[None]:
        """Deliver messages of this kind by this handler, in this process and within the context."""
        return self._dispatcher.handling(kind, handler)

    async def message(self, message: UUID) -> StoredMessage:
        """How it stands, or `NotFoundError`."""
        return await self._database.read(partial(store.find_message, message=message))

    async def messages(
        self, key: str, *, state: MessageState | None = None, before: UUID | None = None, count: int = 100
    ) -> list[StoredMessage]:
        """Messages of this key, the newest first; with `before`, those older than that one."""
        return await self._database.read(partial(store.find_messages, key=key, state=state, before=before, count=count))

    async def deliveries(self, message: UUID) -> list[Delivery]:
        """Every attempt at this message that has ended, the first one first."""
        return await self._database.read(partial(store.find_deliveries, message=message))

    async def redeliver(self, message: UUID) -> None:
        """Deliver a message again that is delivered or dead, with all its attempts. Its id stays the same.

        `NotFoundError` for one that is not there, `ConflictError` for one that is still to be delivered.
        """
        await self._database.write(partial(store.make_due, message=message, now=self._clock.now()))
        await self._hint()

    async def settle(self) -> None:
        """Wait until everybody was told who is to be told."""
        await asyncio.gather(*self._hints)

    def _hint_later(self, _session: object) -> None:
        task = asyncio.get_running_loop().create_task(self._hint())
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)

    async def _hint(self) -> None:
        self._dispatcher.wake()
        try:
            await self._channels.publish(CHANNEL, b"")
        except Exception:  # noqa: BLE001 - a hint is a help, and nothing more
            _log.exception("others learn of a message by polling only")

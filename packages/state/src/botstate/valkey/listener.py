"""The one connection that listens for all subscriptions of a process, and tells each of them about every gap."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from botlib import UnavailableError

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

    from botstate.mailbox import Mailbox
    from botstate.valkey.server import Server

_log = logging.getLogger(__name__)


class Listener:
    """Keeps a connection subscribed to what mailboxes have joined, as long as `run` runs.

    A mailbox whose channel was not heard for a while gets `Missed` once it is heard again: what was published before
    then is lost, and what is published after comes. A connection that is silent is asked for a sign of life.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._subscriptions: dict[bytes, _Subscription] = {}
        #: What the server has confirmed on the present connection, and was not asked to end.
        self._heard: set[bytes] = set()
        self._unanswered = 0
        self._changed = asyncio.Event()
        self._answered = asyncio.Event()

    async def join(self, channel: bytes, mailbox: Mailbox) -> None:
        """Return when everything that is published from now on reaches the mailbox."""
        subscription = self._subscriptions.setdefault(channel, _Subscription())
        subscription.mailboxes.add(mailbox)
        if channel in self._heard:
            subscription.live.set()
        self._changed.set()
        try:
            async with asyncio.timeout(self._server.timeout):
                await subscription.live.wait()
        except TimeoutError:
            raise UnavailableError(
                f"Nothing can be heard from the key-value server at {self._server.place} at the moment.",
                remedy="Subscribe again later, and look whether the server runs.",
            ) from None

    def leave(self, channel: bytes, mailbox: Mailbox) -> None:
        """Nothing more for this mailbox, whether `join` has returned or not."""
        subscription = self._subscriptions.get(channel)
        if subscription is None:
            return
        subscription.mailboxes.discard(mailbox)
        if not subscription.mailboxes:
            del self._subscriptions[channel]
            self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled. Whatever breaks is begun anew, with pauses that grow."""
        failures = 0
        while True:
            if not self._subscriptions:
                self._changed.clear()
                await self._changed.wait()
            connection = self._server.create_connection()
            try:
                async with asyncio.timeout(self._server.timeout):
                    await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
                failures = 0
                await self._listen(connection)
            except (RedisError, OSError) as error:
                _log.warning("the connection that listens to the key-value server was lost: %s", type(error).__name__)
            except Exception:  # noqa: BLE001 - whatever else it is, who listens must not wait for ever
                _log.exception("listening to the key-value server failed")
            finally:
                self._note_gap()
                await connection.disconnect(nowait=True)
            await self._server.pause(failures)
            failures += 1

    async def _listen(self, connection: AbstractConnection) -> None:
        asking = asyncio.create_task(self._ask(connection), name="valkey subscriptions")
        try:
            await self._hear(connection)
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError):
                await asking

    async def _ask(self, connection: AbstractConnection) -> None:
        """Subscribe to what is wanted and not heard, and the reverse. One step at a time, so answers are not mixed up.

        When it cannot go on, it closes the connection, which ends the other half.
        """
        try:
            while True:
                self._changed.clear()
                wanted = self._subscriptions.keys()
                new, old = wanted - self._heard, self._heard - wanted
                self._heard -= old
                for command, channels in (("SUBSCRIBE", new), ("UNSUBSCRIBE", old)):
                    if channels:
                        await self._command(connection, command, channels)
                if not (new or old):
                    await self._changed.wait()
        except TimeoutError:
            await connection.disconnect(nowait=True)

    async def _command(self, connection: AbstractConnection, command: str, channels: set[bytes]) -> None:
        self._unanswered = len(channels)
        self._answered.clear()
        async with asyncio.timeout(self._server.timeout):
            await connection.send_command(command, *channels)
            await self._answered.wait()

    async def _hear(self, connection: AbstractConnection) -> None:
        asked_for_life = False
        while True:
            message = await connection.read_response(timeout=self._server.timeout)
            if message is not None:
                asked_for_life = False
                self._take(*message)
            elif asked_for_life:
                raise TimeoutError("no sign of life")
            else:
                asked_for_life = True
                async with asyncio.timeout(self._server.timeout):
                    await connection.send_command("PING")

    def _take(self, kind: bytes, channel: bytes, content: object = None) -> None:
        subscription = self._subscriptions.get(channel)
        if kind == b"message" and subscription is not None and isinstance(content, bytes):
            for mailbox in subscription.mailboxes:
                mailbox.put(content)
        elif kind in {b"subscribe", b"unsubscribe"}:
            if kind == b"subscribe":
                self._heard.add(channel)
                if subscription is not None:
                    subscription.is_heard()
            self._unanswered -= 1
            if not self._unanswered:
                self._answered.set()

    def _note_gap(self) -> None:
        self._heard.clear()
        for subscription in self._subscriptions.values():
            subscription.is_cut_off()


@dataclass
class _Subscription:
    """The mailboxes of one channel. `live` is set while the server sends us its messages."""

    mailboxes: set[Mailbox] = field(default_factory=set)
    live: asyncio.Event = field(default_factory=asyncio.Event)
    _gap: bool = False

    def is_cut_off(self) -> None:
        self._gap = self._gap or self.live.is_set()
        self.live.clear()

    def is_heard(self) -> None:
        if self._gap:
            for mailbox in self.mailboxes:
                mailbox.miss()
        self._gap = False
        self.live.set()

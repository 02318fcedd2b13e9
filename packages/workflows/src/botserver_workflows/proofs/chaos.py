"""An engine that loses, doubles, delays and reorders its messages, by the throw of a die."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from botserver_workflows.engine import Message
from botserver_workflows.engines.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
    from random import Random
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_workflows.engine import Life, Supply

LOST, DOUBLED = 0.1, 0.2
_LONGEST_DELAY = 3.0


class ChaosEngine:
    """For workers in one event loop. What it does wrong is counted by `count`, under the name of the fault."""

    needs_care = True

    def __init__(self, die: Random, count: Callable[[str], None]) -> None:
        self._die = die
        self._count = count
        self._inboxes: dict[UUID, Inbox] = {}
        #: Messages on their way, and those that a worker has been given.
        self._sent: list[Message] = []
        self._held: dict[UUID, list[Message]] = {}

    async def send(self, session: AsyncSession, dispatches: Mapping[UUID, int]) -> None:
        """At once, also when the unit comes to nothing: that is one more message that is too early or too much."""
        del session
        for step_id, dispatch in dispatches.items():
            self._post(Message(step_id, dispatch, ""))

    @asynccontextmanager
    async def supply(self, life: Life) -> AsyncIterator[Supply]:
        """Messages of any namespace: there is only one in a simulation."""
        self._inboxes[life.worker_id] = inbox = Inbox(life, self._post)
        try:
            yield inbox
        finally:
            del self._inboxes[life.worker_id]

    async def reclaim(self, live: Collection[UUID]) -> int:
        """What the dead were given goes on its way again."""
        dead = [worker_id for worker_id in self._held if worker_id not in live]
        found = [message for worker_id in dead for message in self._held.pop(worker_id)]
        for message in found:
            self._deliver_later(message)
        return len(found)

    async def missing(self, messages: Sequence[Message]) -> list[Message]:
        """Those that were lost."""
        known = {it.step_id for it in (*self._sent, *(it for held in self._held.values() for it in held))}
        return [it for it in messages if it.step_id not in known]

    async def resend(self, messages: Sequence[Message]) -> None:
        """With the same luck as before."""
        for message in messages:
            self._count("resent")
            self._post(message)

    async def prune(self) -> int:
        """It keeps nothing."""
        return 0

    def _post(self, message: Message) -> None:
        luck = self._die.random()
        if luck < LOST:
            self._count("message lost")
            return
        if luck < LOST + DOUBLED:
            self._count("message doubled")
            self._deliver_later(message)
        self._deliver_later(message)

    def _deliver_later(self, message: Message) -> None:
        self._sent.append(message)
        delay = self._die.uniform(0, _LONGEST_DELAY)
        asyncio.get_running_loop().call_later(delay, self._deliver, message)

    def _deliver(self, message: Message) -> None:
        self._sent.remove(message)
        if not self._inboxes:
            self._deliver_later(message)
            return
        worker_id = self._die.choice(list(self._inboxes))
        held = self._held.setdefault(worker_id, [])
        held.append(message)
        self._inboxes[worker_id].put(message, partial(held.remove, message))

"""What tells workers that a step may run. The tables are the truth: an engine carries hints, and may lose some.

A hint that is lost costs time, because the orchestrator sends it again after a while; one that comes twice or late
starts nothing, because a step is started by an update that asks whether it is enqueued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_workflows.attempt import Claim
    from botserver_workflows.doorbell import Doorbell
    from botserver_workflows.unit import Unit


class Message(NamedTuple):
    """A step may run: the number of its dispatch, the namespace whose workers are meant, and how urgent it is."""

    step_id: UUID
    dispatch: int
    namespace: str
    priority: int = 0


class Life(NamedTuple):
    """The life of a worker that is to be supplied: who it is, what it can run, and the bell that wakes it."""

    worker_id: UUID
    namespaces: Sequence[str]
    handlers: Collection[str]
    slots: int
    doorbell: Doorbell


class Supply(Protocol):
    """Where one life of a worker gets its steps from."""

    async def claim(self, unit: Unit, room: int, limited: Collection[str]) -> list[Claim]:
        """Start up to `room` steps in this unit, which may be run again, or never be stored."""
        ...

    def begin(self, claims: Sequence[Claim]) -> None:
        """The unit is stored: these attempts have begun."""
        ...

    def settle(self, claim: Claim) -> None:
        """The handler has ended, so there is room for another step. What came of it need not be stored yet."""
        ...


class Engine(Protocol):
    """Brings steps to workers."""

    @property
    def needs_care(self) -> bool:
        """Whether messages can be lost or stay with the dead, so that an orchestrator has to look after them."""
        ...

    async def send(self, session: AsyncSession, dispatches: Mapping[UUID, int]) -> None:
        """These steps have been enqueued in this unit, and may run when it is stored. Given by their dispatches."""
        ...

    def supply(self, life: Life) -> AbstractAsyncContextManager[Supply]:
        """Supply a life, until it ends."""
        ...

    async def reclaim(self, live: Collection[UUID]) -> int:
        """Let others have the messages of workers that are not among the live ones; returns how many."""
        ...

    async def missing(self, messages: Sequence[Message]) -> list[Message]:
        """Those of these messages that nobody holds and that do not wait for anybody."""
        ...

    async def resend(self, messages: Sequence[Message]) -> None:
        """Send them outside of a unit."""
        ...

    async def prune(self) -> int:
        """Forget messages that are done with; returns how many."""
        ...

"""The engine `local`: the enqueued rows are the queue, and workers look at them. It sends nothing and loses nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botserver_workflows.claiming import claim_steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_workflows.attempt import Claim
    from botserver_workflows.engine import Life, Message, Supply
    from botserver_workflows.unit import Unit


class LocalEngine:
    """For any number of workers on one PostgreSQL, or on one SQLite file of this machine."""

    needs_care = False

    async def send(self, session: AsyncSession, dispatches: Mapping[UUID, int]) -> None:
        """The rows are there when the unit is stored."""

    @asynccontextmanager
    async def supply(self, life: Life) -> AsyncIterator[Supply]:
        """Whatever is enqueued and fits."""
        yield _Rows(life)

    async def reclaim(self, live: Collection[UUID]) -> int:
        """Rows are with nobody."""
        del live
        return 0

    async def missing(self, messages: Sequence[Message]) -> list[Message]:
        """Rows are never missing."""
        del messages
        return []

    async def resend(self, messages: Sequence[Message]) -> None:
        """Nothing has been sent."""

    async def prune(self) -> int:
        """Nothing is left of what was not sent."""
        return 0


class _Rows:
    def __init__(self, life: Life) -> None:
        self._life = life

    async def claim(self, unit: Unit, room: int, limited: Collection[str]) -> list[Claim]:
        life = self._life
        return await claim_steps(unit, life.worker_id, life.namespaces, life.handlers, room, limited)

    def begin(self, claims: Sequence[Claim]) -> None:
        pass

    def settle(self, claim: Claim) -> None:
        pass

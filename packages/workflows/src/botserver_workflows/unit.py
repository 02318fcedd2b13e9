"""One unit of work on the tables: a session, the moment that counts in it, and the transitions that it makes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, insert, select

from botserver_workflows.engines.local import LocalEngine
from botserver_workflows.states import StepState
from botserver_workflows.stored import load_template
from botserver_workflows.tables import templates, transitions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botlib import Clock, IdSource
    from botserver_workflows.engine import Engine
    from botserver_workflows.template import Template
    from botstate import Database

R = TypeVar("R")

_NOTE = insert(transitions)
_CLOCK = select(func.clock_timestamp())


class Unit:
    """What the functions of this package that change tables get. Whoever acts in it is `actor`.

    `now` is the time of the database, so that the moments of several machines can be compared.
    """

    def __init__(
        self,
        session: AsyncSession,
        now: datetime,
        actor: str,
        ids: IdSource,
        known: dict[UUID, Template],
        look: Callable[[AsyncSession], Awaitable[datetime]],
    ) -> None:
        self.session = session
        self.now = now
        self._look = look
        self.ids = ids
        self.actor = actor
        self._known = known
        self._notes: list[dict[str, Any]] = []

    async def look_at_clock(self) -> None:
        """Bring `now` up to date, after others may have been waited for: what they stored has later times."""
        self.now = await self._look(self.session)

    def note(
        self,
        subject: str,
        subject_id: UUID,
        path: Iterable[str],
        *,
        dispatch: int = 0,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Put down that a task or step went through these states. The first one it had before; "" is not to be yet."""
        self._notes += [
            {
                "id": self.ids.new_id(),
                "subject": subject,
                "subject_id": subject_id,
                "from_state": before,
                "to_state": after,
                "dispatch": dispatch,
                "actor": self.actor,
                "at": self.now,
                "details": details,
            }
            for before, after in pairwise(path)
        ]

    async def write_notes(self) -> dict[UUID, int]:
        """Store what was put down. Returns the steps that were enqueued, with their dispatches."""
        if self._notes:
            await self.session.execute(_NOTE, self._notes)
        return {
            it["subject_id"]: it["dispatch"]
            for it in self._notes
            if it["to_state"] == StepState.ENQUEUED and it["subject"] == "step"
        }

    async def template(self, template_id: UUID) -> Template:
        """The template of a task. It never changes under its id."""
        if template_id not in self._known:
            found = await self.session.execute(select(templates.c.body).where(templates.c.id == template_id))
            self._known[template_id] = load_template(found.scalar_one())
        return self._known[template_id]


class Store:
    """Runs units of work on the tables of workflows, and tells the engine which steps they have enqueued."""

    def __init__(self, database: Database, clock: Clock, ids: IdSource, engine: Engine | None = None) -> None:
        self.engine: Engine = engine or LocalEngine()
        self._database = database
        self._clock = clock
        self._ids = ids
        self._templates: dict[UUID, Template] = {}

    async def write(self, actor: str, work: Callable[[Unit], Awaitable[R]]) -> R:
        """A unit that changes something; its transitions are stored with it."""

        async def run(session: AsyncSession) -> R:
            unit = await self._unit(session, actor)
            result = await work(unit)
            dispatches = await unit.write_notes()
            if dispatches:
                await self.engine.send(session, dispatches)
            return result

        return await self._database.write(run)

    async def read(self, work: Callable[[Unit], Awaitable[R]]) -> R:
        """A unit that only reads."""

        async def run(session: AsyncSession) -> R:
            return await work(await self._unit(session, ""))

        return await self._database.read(run)

    async def template(self, template_id: UUID) -> Template:
        """The template of a task, outside of a unit."""
        if template_id not in self._templates:
            await self.read(lambda unit: unit.template(template_id))
        return self._templates[template_id]

    async def _unit(self, session: AsyncSession, actor: str) -> Unit:
        return Unit(session, await self._now(session), actor, self._ids, self._templates, self._now)

    async def _now(self, session: AsyncSession) -> datetime:
        if session.get_bind().dialect.name == "sqlite":
            return self._clock.now()
        now: datetime = (await session.execute(_CLOCK)).scalar_one()
        return now

"""A database in memory in which everything that can go wrong does, by the throw of a die."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import StaticPool, create_engine, event

from botlib import UnavailableError
from botserver_workflows.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from sqlalchemy import Connection, CursorResult, Engine
    from sqlalchemy.ext.asyncio import AsyncSession

R = TypeVar("R")


@dataclass
class Faults:
    """How often a unit fails, from 0 to 1: before anything is stored, or after all of it is, which nobody hears of."""

    before: float = 0.0
    after: float = 0.0


class Memory:
    """The tables. Units run one after another; between two statements anybody else may run."""

    def __init__(self, die: Random) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        # The driver itself begins no transaction for an update that starts with WITH.
        event.listen(self.engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        self.connection = self.engine.connect()
        metadata.create_all(self.connection)
        self.connection.commit()
        self.turn = asyncio.Lock()
        self.faults = Faults()
        self.die = die
        #: How often each fault came.
        self.told: dict[str, int] = {}

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()
        self.engine.dispose()

    def count(self, fault: str) -> None:
        """One more of these."""
        self.told[fault] = self.told.get(fault, 0) + 1


@dataclass
class Access:
    """The database as one process has it: a process that is frozen waits, and one that was killed stores nothing."""

    memory: Memory
    thawed: asyncio.Event = field(default_factory=asyncio.Event)
    is_dead: bool = False

    def __post_init__(self) -> None:
        self.thawed.set()

    async def write(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """A unit that may change something."""
        return await self._run(work)

    async def read(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """A unit that only reads."""
        return await self._run(work)

    async def _run(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        memory = self.memory
        await self.thawed.wait()
        async with memory.turn:
            self._live_or_die()
            try:
                result = await work(cast("AsyncSession", _Session(memory)))
                self._live_or_die()
                self._fail(memory.faults.before, "lost before the commit")
            except BaseException:
                memory.connection.rollback()
                raise
            memory.connection.commit()
        self._fail(memory.faults.after, "lost after the commit")
        return result

    def _fail(self, often: float, fault: str) -> None:
        if self.memory.die.random() < often:
            self.memory.count(fault)
            raise UnavailableError(f"The connection was {fault}.")

    def _live_or_die(self) -> None:
        if self.is_dead:
            raise UnavailableError("This process was killed.")


class _Session:
    """As much of a session as units of work use."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_bind(self) -> Engine:
        return self._memory.engine

    async def execute(self, statement: Any, parameters: Any = None) -> CursorResult[Any]:
        return (await self._ready()).execute(statement, parameters)

    async def scalar(self, statement: Any) -> Any:
        return (await self._ready()).execute(statement).scalar()

    async def _ready(self) -> Connection:
        if self._memory.die.random() < 0.3:
            await asyncio.sleep(0)
        return self._memory.connection

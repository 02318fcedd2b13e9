"""Units of work over connections of SQLAlchemy: turns, limits, and another try when others were in the way."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util.concurrency import greenlet_spawn

from botlib import UnavailableError
from botstate.errors import StateError
from botstate.watching import watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.orm import Session

    from botlib import Clock, Randomness
    from botstate.database import DatabaseSettings, R

#: How often a unit is tried while others are in the way.
ATTEMPTS = 3
_PAUSE = (0.01, 0.1)  # seconds
# The unit that this task is in. Tasks that it starts inherit the value, but are other tasks.
_unit: ContextVar[asyncio.Task[Any] | None] = ContextVar("unit", default=None)


class Lane(Protocol):
    """Where the connections of one kind of unit come from."""

    #: One for each connection. Who waits for one waits here, where it can be cancelled, and not in a pool.
    turns: asyncio.Semaphore

    async def take(self) -> AsyncConnection:
        """A connection that is in no transaction."""
        ...

    async def give_back(self, connection: AsyncConnection) -> None:
        """It is in no transaction any more, or it is broken."""
        ...

    async def finish(self, step: Coroutine[Any, Any, object]) -> None:
        """Let a step come to its end, also when the task is cancelled meanwhile; then the cancellation goes on."""
        ...

    def explain(self, error: DBAPIError) -> UnavailableError | None:
        """What to tell when this hinders the unit for now, or None when it is another error."""
        ...

    def is_passing(self, error: DBAPIError) -> bool:
        """Whether others were in the way, so that the same unit may succeed when it is tried again."""
        ...

    def is_lost(self, error: DBAPIError) -> bool:
        """Whether the connection was lost: a unit that was not being committed has not happened."""
        ...


class Units:
    """A `Database` over two lanes: one for units that write, one for those that read."""

    def __init__(
        self, settings: DatabaseSettings, lanes: tuple[Lane, Lane], clock: Clock, randomness: Randomness
    ) -> None:
        self._settings = settings
        self._writing, self._reading = lanes
        self._clock = clock
        self._randomness = randomness

    async def write(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        return await self._run(self._writing, work)

    async def read(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        return await self._run(self._reading, work)

    async def _run(self, lane: Lane, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        _refuse_nesting()
        for attempt in range(ATTEMPTS):
            try:
                return await self._try(lane, work)
            except DBAPIError as error:
                if attempt + 1 == ATTEMPTS or not (lane.is_passing(error) or lane.is_lost(error)):
                    explained = lane.explain(error)
                    if explained is None:
                        raise
                    raise explained from error
            await self._clock.sleep(self._randomness.uniform(*_PAUSE))
        raise AssertionError("The last try returns or raises.")

    async def _try(self, lane: Lane, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        await self._wait_for_turn(lane.turns)
        try:
            connection = await lane.take()
            try:
                return await self._on(connection, lane, work)
            finally:
                await lane.give_back(connection)
        finally:
            lane.turns.release()

    async def _on(self, connection: AsyncConnection, lane: Lane, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        session = AsyncSession(connection, expire_on_commit=False)
        try:
            result = await self._within_limit(work, session)
            try:
                await lane.finish(greenlet_spawn(_commit, session.sync_session))
            except DBAPIError as error:
                if lane is self._reading or not lane.is_lost(error):
                    raise
                raise UnavailableError(
                    "The connection was lost while a unit was committed, so it may have happened or not.",
                    remedy="Look before you try again.",
                ) from error
        except BaseException:
            await lane.finish(greenlet_spawn(session.sync_session.close))
            raise
        finally:
            session.sync_session.bind = None  # whoever kept the session is not let into the unit of somebody else
        return result

    async def _wait_for_turn(self, turns: asyncio.Semaphore) -> None:
        if not turns.locked():
            await turns.acquire()
            return
        try:
            async with asyncio.timeout(self._settings.turn_limit):
                await turns.acquire()
        except TimeoutError as error:
            raise UnavailableError("The database is busy.", remedy="Try again.") from error

    async def _within_limit(self, work: Callable[[AsyncSession], Awaitable[R]], session: AsyncSession) -> R:
        seconds = self._settings.unit_limit
        limit = asyncio.timeout(seconds)
        token = _unit.set(asyncio.current_task())
        try:
            async with limit:
                unit = watch(_as_coroutine(work, session)) if self._settings.debug else work(session)
                return await _unless_cancelled(unit)
        except TimeoutError as error:
            if limit.expired():
                raise UnavailableError(f"A unit of work took longer than {seconds:g} seconds.") from error
            raise
        finally:
            _unit.reset(token)


async def _unless_cancelled(unit: Awaitable[R]) -> R:
    """What a unit returns, or `CancelledError` also when a driver has swallowed the cancellation of this task.

    Psycopg 3.2 waits by `asyncio.wait_for`, which before Python 3.12 does that to one that comes as the wait ends.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    result = await unit
    if task.cancelling() > before:
        raise asyncio.CancelledError
    return result


def _commit(session: Session) -> None:
    session.commit()
    if session.identity_map:  # else there is nothing to let go of
        session.close()


async def _as_coroutine(work: Callable[[AsyncSession], Awaitable[R]], session: AsyncSession) -> R:
    return await work(session)


def _refuse_nesting() -> None:
    if _unit.get() is not None and _unit.get() is asyncio.current_task():
        raise StateError(
            "A unit of work was opened within another one.", remedy="Give the session of the outer one on instead."
        )

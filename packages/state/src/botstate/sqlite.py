"""The database of a server on one machine: SQLite, with one connection that writes and several that read.

A writing unit begins with BEGIN IMMEDIATE, so that it is alone from its first statement on. With SQLite's own default a
unit that reads first and writes later loses against another one that does the same: "database is locked", without a
chance to wait. Within this process writers queue for their one connection; other processes are waited for by SQLite.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from botlib import InvalidError, UnavailableError
from botstate.driver import create_driver
from botstate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

    from botlib import Clock, Randomness
    from botstate.database import DatabaseSettings, R

_log = logging.getLogger(__name__)

#: How often a unit is tried while others are in the way. Each try has waited for `lock_limit` already.
ATTEMPTS = 3
_PAUSE = (0.01, 0.1)  # seconds
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# The unit that this task is in. Tasks that it starts inherit the value, but are other tasks.
_unit: ContextVar[asyncio.Task[Any] | None] = ContextVar("unit", default=None)


@asynccontextmanager
async def open_sqlite(
    settings: DatabaseSettings, clock: Clock, randomness: Randomness
) -> AsyncIterator[SQLiteDatabase]:
    """The database in this file, which is made when it is not there; only its owner may read it."""
    await asyncio.to_thread(make_file, settings.file)
    _log.info("the database is %s", settings.file.absolute())
    writer = create_engine(settings, "BEGIN IMMEDIATE", 1)
    readers = create_engine(settings, "BEGIN DEFERRED", settings.readers, "query_only = ON")
    try:
        yield SQLiteDatabase(settings, (writer, readers), clock, randomness)
    finally:
        await readers.dispose()
        await writer.dispose()  # the last one to close brings the write-ahead log into the file


class SQLiteDatabase:
    """A `Database` in one file."""

    def __init__(
        self,
        settings: DatabaseSettings,
        engines: tuple[AsyncEngine, AsyncEngine],
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._settings = settings
        self._writer, self._readers = engines
        # Who waits for a connection waits here, where it can be cancelled, and not in the pool.
        self._turns = {self._writer: asyncio.Semaphore(1), self._readers: asyncio.Semaphore(settings.readers)}
        self._clock = clock
        self._randomness = randomness

    async def write(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        return await self._run(self._writer, work)

    async def read(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        return await self._run(self._readers, work)

    async def _run(self, engine: AsyncEngine, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        _refuse_nesting()
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._try(engine, work)
            except DBAPIError as error:
                if not is_busy(error):
                    raise
            await self._clock.sleep(self._randomness.uniform(*_PAUSE))
        try:
            return await self._try(engine, work)
        except DBAPIError as error:
            if not is_busy(error):
                raise
            raise UnavailableError("The database was locked by others for too long.", remedy="Try again.") from error

    async def _try(self, engine: AsyncEngine, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        async with self._turn(self._turns[engine]):
            session = AsyncSession(engine, expire_on_commit=False)
            try:
                await _finish(session.connection())
                result = await self._within_limit(work, session)
                await _finish(session.commit())
            finally:
                await _finish(session.close())
        return result

    @asynccontextmanager
    async def _turn(self, turns: asyncio.Semaphore) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.lock_limit + self._settings.unit_limit):
                await turns.acquire()
        except TimeoutError as error:
            raise UnavailableError("The database is busy.", remedy="Try again.") from error
        try:
            yield
        finally:
            turns.release()

    async def _within_limit(self, work: Callable[[AsyncSession], Awaitable[R]], session: AsyncSession) -> R:
        seconds = self._settings.unit_limit
        limit = asyncio.timeout(seconds)
        token = _unit.set(asyncio.current_task())
        try:
            async with limit:
                return await work(session)
        except TimeoutError as error:
            if limit.expired():
                raise UnavailableError(f"A unit of work took longer than {seconds:g} seconds.") from error
            raise
        finally:
            _unit.reset(token)


async def _finish(step: Coroutine[Any, Any, object]) -> None:
    """Begin, commit or close to the end, also when the task is cancelled meanwhile; then the cancellation goes on.

    Cancelled half-way, SQLAlchemy and the driver would leave connections open that nobody knows any more.
    """
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: whoever waits is cancelled and will not hear of it
        raise


def create_engine(settings: DatabaseSettings, begin: str, connections: int, *pragmas: str) -> AsyncEngine:
    """An engine of this file whose transactions begin with this statement, and its connections with these pragmas."""
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(settings.file.absolute())),
        module=create_driver(),
        pool_size=connections,
        max_overflow=0,
    )

    def prepare(connection: Any, _record: object) -> None:
        try:
            connection.isolation_level = None  # the driver begins no transactions of its own
            cursor = connection.cursor()
            for pragma in (
                f"busy_timeout = {round(settings.lock_limit * 1000)}",  # first: the next one may have to wait
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "foreign_keys = ON",
                *pragmas,
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.terminate()  # the pool does not know it yet, and would leave it open
            raise

    def begin_unit(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin_unit)
    return engine


def make_file(file: Path) -> None:
    """An empty database, readable for its owner only, unless there is one."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise InvalidError(
            f"The database {file} cannot be opened: {error.strerror}.", remedy="Set database.file to another place."
        ) from error


def _refuse_nesting() -> None:
    if _unit.get() is not None and _unit.get() is asyncio.current_task():
        raise StateError(
            "A unit of work was opened within another one.", remedy="Give the session of the outer one on instead."
        )


def is_busy(error: DBAPIError) -> bool:
    """Whether others held the lock for too long, so that another try may pass."""
    # The lower byte is the error, the others are its details.
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _BUSY

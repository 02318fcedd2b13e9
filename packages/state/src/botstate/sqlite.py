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
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from botlib import InvalidError, UnavailableError
from botstate.driver import Module
from botstate.units import Units

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from botlib import Clock, Randomness
    from botstate.database import Database, DatabaseSettings

_log = logging.getLogger(__name__)

_READS_ONLY = "query_only = ON"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@asynccontextmanager
async def open_sqlite(settings: DatabaseSettings, clock: Clock, randomness: Randomness) -> AsyncIterator[Database]:
    """The database in this file, which is made when it is not there; only its owner may read it."""
    await asyncio.to_thread(make_file, settings.file)
    _log.info("the database is %s", settings.file.absolute())
    writing = _Lane(create_engine(settings, "BEGIN IMMEDIATE"), 1)
    reading = _Lane(create_engine(settings, "BEGIN DEFERRED", _READS_ONLY), settings.readers)
    try:
        yield Units(settings, (writing, reading), clock, randomness)
    finally:
        await reading.close()
        await writing.close()  # the last one to close brings the write-ahead log into the file


def create_engine(settings: DatabaseSettings, begin: str, *pragmas: str) -> AsyncEngine:
    """An engine of this file whose transactions begin with this statement, and its connections with these pragmas."""
    module: Any = Module(
        begin,
        (
            f"busy_timeout = {round(settings.lock_limit * 1000)}",  # first: the next one may have to wait
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            *pragmas,
        ),
        reads_only=_READS_ONLY in pragmas,
    )
    url = URL.create("sqlite+aiosqlite", database=str(settings.file.absolute()))
    return create_async_engine(url, module=module, poolclass=NullPool)


def make_file(file: Path) -> None:
    """An empty database, readable for its owner only, unless there is one."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise InvalidError(
            f"The database {file} cannot be opened: {error.strerror}.", remedy="Set database.file to another place."
        ) from error


def is_busy(error: DBAPIError) -> bool:
    """Whether others held the lock for too long, so that another try may pass."""
    # The lower byte is the error, the others are its details.
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _BUSY


class _Lane:
    """Connections that stay open: to take one out of a pool would take a fifth of the time of a unit."""

    def __init__(self, engine: AsyncEngine, connections: int) -> None:
        self.turns = asyncio.Semaphore(connections)
        self._engine = engine
        self._idle: list[AsyncConnection] = []
        self._closed = False

    async def take(self) -> AsyncConnection:
        if self._closed:
            raise UnavailableError("The database is closed.")
        if self._idle:
            return self._idle.pop()
        connection = self._engine.connect()
        try:
            await self.finish(_start(connection))
        except BaseException:
            if connection.sync_connection is not None:
                await self.finish(connection.close())
            raise
        return connection

    async def give_back(self, connection: AsyncConnection) -> None:
        if self._closed:  # while its unit was running
            await self.finish(connection.close())
        else:
            self._idle.append(connection)

    async def finish(self, step: Coroutine[Any, Any, object]) -> None:
        """In this task, because nearly all of them have ended before they have to wait.

        That what they wait for is not cancelled does no harm: it is a thread, which would not hear of it.
        """
        cancelled: asyncio.CancelledError | None = None
        try:
            while True:
                cancelled = await _wait_for(step.send(None)) or cancelled
        except StopIteration:
            pass
        finally:
            if cancelled is not None:
                raise cancelled

    def explain(self, error: DBAPIError) -> UnavailableError | None:
        if is_busy(error):
            return UnavailableError("The database was locked by others for too long.", remedy="Try again.")
        return None

    def is_passing(self, error: DBAPIError) -> bool:
        return is_busy(error)

    def is_lost(self, _error: DBAPIError) -> bool:
        return False

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await self.finish(self._idle.pop().close())
        await self._engine.dispose()


async def _start(connection: AsyncConnection) -> None:
    await connection


async def _wait_for(waiting: asyncio.Future[Any] | None) -> asyncio.CancelledError | None:
    """Do what a task does with what its coroutine yields. The cancellation that came meanwhile, if one did."""
    cancelled: asyncio.CancelledError | None = None
    if waiting is None:  # it only gives way to others
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            cancelled = error
        return cancelled
    waiting._asyncio_future_blocking = False  # noqa: SLF001 - it is waited for
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled

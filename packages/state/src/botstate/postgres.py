"""The database of a server on many machines: PostgreSQL, through psycopg 3.

Units that write are READ COMMITTED and lock what they decide upon by `with_for_update()`; those that read are
REPEATABLE READ and READ ONLY. A unit that lost against others (a deadlock, a lock that came too late, a serialisation
failure) is tried again, and so is one that lost its connection before it was committed. What this process cannot end by
itself any more, the server ends: its time-outs are set from the settings.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from botlib import InvalidError, UnavailableError
from botstate.units import Units

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from sqlalchemy import URL
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from botlib import Clock, Randomness
    from botstate.database import Database, DatabaseSettings

_log = logging.getLogger(__name__)

#: The server ends what this process should have ended, had it been able to. In seconds after the limit of a unit.
_LATER = 1.0
# What PostgreSQL says when others were in the way.
_PASSING = frozenset({"40001", "40P01", "55P03"})  # serialisation failure, deadlock, lock not available
_CANCELLED = "57014"  # also by statement_timeout
# Classes of errors in which the server cannot be used: connection, resources, operator's intervention, its own errors.
_UNAVAILABLE = ("08", "53", "57P", "58")


@asynccontextmanager
async def open_postgres(settings: DatabaseSettings, clock: Clock, randomness: Randomness) -> AsyncIterator[Database]:
    """The database that `settings.url` names. It connects when a unit needs it, and again when a connection is lost."""
    url = parse_url(settings.url.reveal())
    _log.info("the database is %s on %s", url.database, url.host or "this machine")
    engine = create_engine(settings, settings.connections)
    turns = asyncio.Semaphore(settings.connections)
    writing = _Lane(engine, turns)
    reading = _Lane(engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), turns)
    try:
        yield Units(settings, (writing, reading), clock, randomness)
    finally:
        writing.close()
        reading.close()
        await engine.dispose()


def create_engine(settings: DatabaseSettings, connections: int) -> AsyncEngine:
    """An engine with at most that many connections. It connects when it is first used."""
    try:
        return create_async_engine(
            parse_url(settings.url.reveal()),
            pool_size=connections,
            max_overflow=0,
            connect_args={
                "application_name": "botserver",
                "connect_timeout": max(math.ceil(settings.lock_limit), 2),
                "options": " ".join(f"-c {name}={value}" for name, value in _parameters(settings).items()),
            },
        )
    except ImportError as error:
        raise InvalidError(
            "PostgreSQL needs a driver that is not installed.", remedy="Install botstate[postgres]."
        ) from error


def parse_url(text: str) -> URL:
    """The URL with its driver, or `InvalidError`, which does not repeat it: it may hold a password."""
    url = None
    with suppress(ArgumentError, ValueError):
        url = make_url(text)
    if url is None or url.drivername not in {"postgresql", "postgresql+psycopg", "postgres"}:
        raise InvalidError(
            "The setting database.url is not understood.", remedy="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    return url.set(drivername="postgresql+psycopg")


class _Lane:
    """Connections of a pool, which both lanes share."""

    def __init__(self, engine: AsyncEngine, turns: asyncio.Semaphore) -> None:
        self.turns = turns
        self._engine = engine
        self._closed = False

    async def take(self) -> AsyncConnection:
        if self._closed:
            raise UnavailableError("The database is closed.")
        connection = self._engine.connect()
        try:
            await self.finish(_start(connection))
        except BaseException:
            if connection.sync_connection is not None:
                await self.finish(connection.close())
            raise
        return connection

    async def give_back(self, connection: AsyncConnection) -> None:
        if self._closed:  # while its unit was running: the pool that would keep it is not there any more
            await self.finish(connection.invalidate())
        await self.finish(connection.close())

    def close(self) -> None:
        """Before the engine is disposed of."""
        self._closed = True

    async def finish(self, step: Coroutine[Any, Any, object]) -> None:
        """In a task of its own: cancelled half-way, the driver and the pool would lose a connection."""
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

    def explain(self, error: DBAPIError) -> UnavailableError | None:
        if self.is_passing(error):
            return UnavailableError("The database was locked by others for too long.", remedy="Try again.")
        if self.is_lost(error):
            return UnavailableError("The database cannot be reached.", remedy="Try again.")
        if _state(error) == _CANCELLED:
            return UnavailableError("A statement took too long.")
        return None

    def is_passing(self, error: DBAPIError) -> bool:
        return _state(error) in _PASSING

    def is_lost(self, error: DBAPIError) -> bool:
        state = _state(error)
        if state is None:  # libpq itself said it
            return error.connection_invalidated or isinstance(error, OperationalError)
        return error.connection_invalidated or state.startswith(_UNAVAILABLE)


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


async def _start(connection: AsyncConnection) -> None:
    await connection


def _parameters(settings: DatabaseSettings) -> dict[str, str | int]:
    last_resort = round((settings.unit_limit + _LATER) * 1000)
    return {
        "statement_timeout": last_resort,
        "idle_in_transaction_session_timeout": last_resort,
        "lock_timeout": round(settings.lock_limit * 1000),
        "timezone": "UTC",
        "client_encoding": "UTF8",  # of itself it is that of the database, and one without any would give bytes
    }

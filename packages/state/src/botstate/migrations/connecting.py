"""A connection to the database for those who change its tables, apart from those that units of work run on."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from botlib import UnavailableError
from botstate.migrations.sources import MigrationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from botstate.database import DatabaseSettings

#: How long to wait while another process upgrades, in seconds.
PATIENCE = 300.0
_KEY = 0x626F745F64625F75  # of the advisory lock: the same for every process, and nobody else's


@asynccontextmanager
async def connect(database: DatabaseSettings) -> AsyncIterator[AsyncConnection]:
    """A connection that reads."""
    async with _opened(database, "BEGIN DEFERRED") as engine, engine.connect() as connection:
        yield connection


@asynccontextmanager
async def lock(database: DatabaseSettings) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that no other process is in. It is committed at the end."""
    locked = _lock_postgres if database.url else _lock_sqlite
    async with locked(database) as connection:
        yield connection


@asynccontextmanager
async def _lock_postgres(database: DatabaseSettings) -> AsyncIterator[AsyncConnection]:
    async with _opened(database, "") as engine, engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text(f"SET LOCAL lock_timeout = {round(PATIENCE * 1000)}"))
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_KEY})"))
        # Units of work are waited for, and not longer than they may take: meanwhile others queue behind this one.
        wait = round((database.unit_limit + database.lock_limit) * 1000)
        await connection.execute(text(f"SET LOCAL lock_timeout = {wait}"))
        yield connection


@asynccontextmanager
async def _lock_sqlite(database: DatabaseSettings) -> AsyncIterator[AsyncConnection]:
    from botstate.sqlite import make_file

    await asyncio.to_thread(make_file, database.file)
    # A table that others refer to can only be changed by making it anew, so references are checked at the end instead.
    async with _opened(database, "BEGIN IMMEDIATE", "foreign_keys = OFF") as engine, engine.connect() as connection:
        await _begin(connection, database.lock_limit)
        yield connection
        torn = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
        if torn:
            tables = ", ".join(sorted({str(row[0]) for row in torn}))
            raise MigrationError(f"After the migrations, rows of {tables} refer to what is not there.")
        await connection.commit()


async def _begin(connection: AsyncConnection, lock_limit: float) -> None:
    from botstate.sqlite import is_busy

    for _ in range(math.ceil(PATIENCE / lock_limit)):  # in pieces, because SQLite cannot be told to stop waiting
        try:
            await connection.execute(text("SELECT 1"))  # the lock comes with the first statement
        except DBAPIError as error:
            await connection.rollback()
            if not is_busy(error):
                raise
        else:
            return
    raise UnavailableError("Another process holds the database.", remedy="Try again.")


@asynccontextmanager
async def _opened(database: DatabaseSettings, begin: str, *pragmas: str) -> AsyncIterator[AsyncEngine]:
    engine = _create_engine(database, begin, *pragmas)
    try:
        yield engine
    except OperationalError as error:
        raise UnavailableError(
            "The database does not answer, or another process holds it.", remedy="Try again."
        ) from error
    finally:
        await engine.dispose()


def _create_engine(database: DatabaseSettings, begin: str, *pragmas: str) -> AsyncEngine:
    if database.url:
        from botstate import postgres

        return postgres.create_engine(database, 1)
    from botstate import sqlite

    return sqlite.create_engine(database, begin, *pragmas)

"""Units of work against the same statements written by hand: SQLite with aiosqlite, PostgreSQL with psycopg.

`uv run python benchmarks/database.py` for SQLite; `--postgres URL` for PostgreSQL as well. The sides take turns on one
database, in short rounds, so that other work on the machine meets all of them; the figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import aiosqlite
import psycopg
from sqlalchemy import String, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from botlib import FakeRandomness, Secret, SystemClock
from botstate import Database, DatabaseSettings
from botstate.storage import open_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

WRITE_SQL = ("SELECT name FROM bench_guest WHERE id = 1", "INSERT INTO bench_guest (name) VALUES ('anna')")

Unit = Callable[[], Awaitable[object]]


class Base(DeclarativeBase):
    """The table of the benchmark."""


class Guest(Base):
    """A row with a name."""

    __tablename__ = "bench_guest"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Side(NamedTuple):
    """One way to do what `question` says. The first side of a question is what the others are compared with."""

    question: str
    name: str
    unit: Unit


_GUESTS = Base.metadata.tables[Guest.__tablename__]
_BY_ID = select(_GUESTS.c.name).where(_GUESTS.c.id == 1)
_NEW = insert(_GUESTS)


async def write_sql(session: AsyncSession) -> None:
    connection = await session.connection()
    (await connection.exec_driver_sql(WRITE_SQL[0])).scalar_one_or_none()
    await connection.exec_driver_sql(WRITE_SQL[1])


async def write_core(session: AsyncSession) -> None:
    (await session.execute(_BY_ID)).scalar_one_or_none()
    await session.execute(_NEW, {"name": "anna"})


async def write_orm(session: AsyncSession) -> None:
    await session.get(Guest, 1)
    session.add(Guest(name="anna"))


async def read_core(session: AsyncSession) -> None:
    (await session.execute(_BY_ID)).scalar_one_or_none()


async def prepare(session: AsyncSession) -> None:
    connection = await session.connection()
    await connection.run_sync(Base.metadata.drop_all)
    await connection.run_sync(Base.metadata.create_all)
    session.add(Guest(name="anna"))


def ours(database: Database) -> Iterable[Side]:
    yield Side("select, insert", "unit, SQL", lambda: database.write(write_sql))
    yield Side("select, insert", "unit, Core", lambda: database.write(write_core))
    yield Side("select, insert", "unit, ORM", lambda: database.write(write_orm))
    yield Side("select", "unit, Core", lambda: database.read(read_core))


def sqlite_by_hand(connection: aiosqlite.Connection) -> Iterable[Side]:
    async def write() -> None:
        await connection.execute("BEGIN IMMEDIATE")
        async with connection.execute(WRITE_SQL[0]) as cursor:
            await cursor.fetchone()
        await connection.execute(WRITE_SQL[1])
        await connection.commit()

    async def read() -> None:
        await connection.execute("BEGIN DEFERRED")
        async with connection.execute(WRITE_SQL[0]) as cursor:
            await cursor.fetchone()
        await connection.commit()

    yield Side("select, insert", "aiosqlite", write)
    yield Side("select", "aiosqlite", read)


def postgres_by_hand(connection: psycopg.AsyncConnection[Any]) -> Iterable[Side]:
    async def write() -> None:
        async with connection.transaction():
            cursor = await connection.execute(WRITE_SQL[0])
            await cursor.fetchone()
            await connection.execute(WRITE_SQL[1])

    async def read() -> None:
        async with connection.transaction():
            cursor = await connection.execute(WRITE_SQL[0])
            await cursor.fetchone()

    yield Side("select, insert", "psycopg", write)
    yield Side("select", "psycopg", read)


async def compare_sqlite(folder: Path, rounds: int, units: int) -> None:
    file = folder / "bench.sqlite3"
    async with open_database(DatabaseSettings(file), SystemClock(), FakeRandomness()) as database:
        await database.write(prepare)
        async with aiosqlite.connect(file, isolation_level=None) as connection:
            for pragma in ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                await connection.execute(f"PRAGMA {pragma}")
            await compare("SQLite", [*sqlite_by_hand(connection), *ours(database)], rounds, units)


async def compare_postgres(url: str, rounds: int, units: int) -> None:
    async with open_database(DatabaseSettings(url=Secret(url)), SystemClock(), FakeRandomness()) as database:
        await database.write(prepare)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await compare("PostgreSQL", [*postgres_by_hand(connection), *ours(database)], rounds, units)


async def compare(title: str, sides: list[Side], rounds: int, units: int) -> None:
    """Print a table: units a second of each side, and the ratio to the first side with the same question."""
    speeds: dict[Side, list[float]] = {side: [] for side in sides}
    for side in sides:
        await run(side, units)  # statements are compiled, connections opened
    for _ in range(rounds):
        for side in sides:
            speeds[side].append(await run(side, units))
    print(f"\n| {title} | | units/s | ratio |\n|---|---|--:|--:|")
    for side in sorted(sides, key=lambda it: it.question):
        first = next(it for it in sides if it.question == side.question)
        ratio = median(mine / theirs for mine, theirs in zip(speeds[side], speeds[first], strict=True))
        print(f"| {side.question} | {side.name} | {median(speeds[side]):.0f} | {ratio:.2f} |")


async def run(side: Side, units: int) -> float:
    began = time.perf_counter()
    for _ in range(units):
        await side.unit()
    return units / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--units", type=int, default=50, help="of each side in a round")
    parser.add_argument("--postgres", metavar="URL", help="a database whose table bench_guest may be replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare_sqlite(Path(folder), options.rounds, options.units))
    if options.postgres:
        asyncio.run(compare_postgres(options.postgres, options.rounds, options.units))


if __name__ == "__main__":
    main()

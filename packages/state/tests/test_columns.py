from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, MetaData, Table, Uuid, insert, select
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import FakeRandomness, SystemClock
from botstate import DatabaseSettings
from botstate.columns import Counter, Json, UtcDateTime
from botstate.storage import open_database

pytestmark = pytest.mark.anyio

tables = MetaData()
things = Table(
    "thing",
    tables,
    Column("number", Counter, primary_key=True),
    Column("id", Uuid),
    Column("at", UtcDateTime),
    Column("what", Json),
)
NOON_IN_DELHI = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))


async def create(session: AsyncSession) -> None:
    await (await session.connection()).run_sync(tables.create_all)


async def test_values_come_back_as_they_were(empty_database: DatabaseSettings) -> None:
    async def store(session: AsyncSession) -> None:
        await session.execute(insert(things).values(id=UUID(int=7), at=NOON_IN_DELHI, what={"a": [1, None]}))
        await session.execute(insert(things))

    async def load(session: AsyncSession) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await session.execute(select(things).order_by(things.c.number))]

    async with open_database(empty_database, SystemClock(), FakeRandomness()) as database:
        await database.write(create)
        await database.write(store)
        rows = await database.read(load)

    first = (1, UUID(int=7), datetime(2030, 1, 1, 6, 30, tzinfo=UTC), {"a": [1, None]})
    assert rows == [first, (2, None, None, None)]
    assert rows[0][2].utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(empty_database: DatabaseSettings) -> None:
    async def store(session: AsyncSession) -> None:
        await session.execute(insert(things).values(at=datetime(2030, 1, 1)))  # noqa: DTZ001 - it is what is refused

    async with open_database(empty_database, SystemClock(), FakeRandomness()) as database:
        await database.write(create)
        with pytest.raises(StatementError, match="A time without a zone is not stored"):
            await database.write(store)

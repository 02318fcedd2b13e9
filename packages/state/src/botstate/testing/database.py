"""What every `Database` does. Each check gets a way to open the same, empty database several times.

Every `open_another()` stands for a process of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, func, insert, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from botstate.database import Database
from botstate.errors import StateError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_MANY = 10_000_000  # to count that far takes seconds

OpenAnother = Callable[[], AbstractAsyncContextManager[Database]]
DatabaseCheck = Callable[[OpenAnother], Awaitable[None]]


class Base(DeclarativeBase):
    """The tables of the checks."""


class Bot(Base):
    """Has a limit of meetings."""

    __tablename__ = "contract_bot"
    id: Mapped[int] = mapped_column(primary_key=True)
    limit: Mapped[int]


class Meeting(Base):
    """Takes one place of a bot."""

    __tablename__ = "contract_meeting"
    id: Mapped[int] = mapped_column(primary_key=True)
    bot: Mapped[int] = mapped_column(ForeignKey("contract_bot.id"))


async def what_is_written_can_be_read(open_another: OpenAnother) -> None:
    async with open_another() as database:
        await _prepare(database)
        assert await database.write(_add_meeting) == 1
        assert await database.read(_count) == 1
    async with open_another() as later:
        assert await later.read(_count) == 1


async def a_unit_that_fails_leaves_nothing(open_another: OpenAnother) -> None:
    async def fail(session: AsyncSession) -> None:
        await _add_meeting(session)
        raise LookupError("no such bot")

    async with open_another() as database:
        await _prepare(database)
        with suppress(LookupError):
            await database.write(fail)
        assert await database.read(_count) == 0


async def a_unit_that_is_cancelled_leaves_nothing(open_another: OpenAnother) -> None:
    reached = asyncio.Event()

    async def wait(session: AsyncSession) -> None:
        await _add_meeting(session)
        reached.set()
        await asyncio.Event().wait()

    async with open_another() as database:
        await _prepare(database)
        task = asyncio.create_task(database.write(wait))
        await reached.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert await database.read(_count) == 0
        assert await database.write(_add_meeting) == 1


async def a_cancellation_that_is_swallowed_counts(open_another: OpenAnother) -> None:
    """As by a driver on Python 3.11, where `asyncio.wait_for` loses one that comes as it ends."""
    reached = asyncio.Event()

    async def swallow(session: AsyncSession) -> None:
        await _add_meeting(session)
        reached.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async with open_another() as database:
        await _prepare(database)
        unit = asyncio.create_task(database.write(swallow))
        await reached.wait()
        unit.cancel()
        await asyncio.wait([unit])
        assert unit.cancelled()
        assert await database.read(_count) == 0


async def a_unit_that_is_cancelled_within_a_statement_lets_go(open_another: OpenAnother) -> None:
    """As when a client goes away while its request waits for the database."""
    reached = asyncio.Event()

    async def take_seconds(session: AsyncSession) -> None:
        await _add_meeting(session)
        reached.set()
        numbers = select(literal(1).label("number")).cte("numbers", recursive=True)
        numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < _MANY))
        await session.execute(select(func.count()).select_from(numbers))

    async with open_another() as database, open_another() as other:
        await _prepare(database)
        task = asyncio.create_task(database.write(take_seconds))
        await reached.wait()
        await asyncio.sleep(0.1)  # long enough to be within the statement
        task.cancel()
        try:
            assert await other.write(_add_meeting) == 1
            assert await database.write(_add_meeting) == 2
        finally:
            with suppress(asyncio.CancelledError):
                await task


async def a_reading_unit_cannot_write(open_another: OpenAnother) -> None:
    async with open_another() as database:
        await _prepare(database)
        written = False
        with suppress(DBAPIError):
            await database.read(_add_meeting)
            written = True
        assert not written, "a reading unit wrote"
        assert await database.read(_count) == 0


async def a_reader_sees_one_state_and_waits_for_no_writer(open_another: OpenAnother) -> None:
    async with open_another() as database, open_another() as other:
        await _prepare(database)

        async def read_twice(session: AsyncSession) -> tuple[int, int]:
            before = await _count(session)
            await asyncio.create_task(other.write(_add_meeting))
            return before, await _count(session)

        async def write_while_others_read(session: AsyncSession) -> int:
            await _add_meeting(session)
            return await asyncio.create_task(other.read(_count))

        assert await database.read(read_twice) == (0, 0)
        assert await database.write(write_while_others_read) == 1
        assert await database.read(_count) == 2


async def units_are_not_nested(open_another: OpenAnother) -> None:
    async with open_another() as database:
        await _prepare(database)
        for outer in (database.read, database.write):
            for inner in (database.read, database.write):
                accepted = False
                with suppress(StateError):
                    await outer(partial(_count_within, inner))
                    accepted = True
                assert not accepted, "a unit was opened within another one"


async def a_reference_to_nothing_is_refused(open_another: OpenAnother) -> None:
    async def add_for_nobody(session: AsyncSession) -> None:
        await session.execute(insert(Meeting).values(bot=404))

    async with open_another() as database:
        await _prepare(database)
        accepted = False
        with suppress(DBAPIError):
            await database.write(add_for_nobody)
            accepted = True
        assert not accepted, "a foreign key was not checked"


async def objects_stay_usable_after_their_unit(open_another: OpenAnother) -> None:
    async def find(session: AsyncSession) -> Bot:
        return (await session.execute(select(Bot))).scalar_one()

    async with open_another() as database:
        await _prepare(database)
        assert [(await run(find)).limit for run in (database.read, database.write)] == [2, 2]


async def a_limit_holds_when_eight_ask_at_once(open_another: OpenAnother) -> None:
    """Check, then insert: the classic race. Each of eight processes sees room for two; two may have it."""
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(open_another()) for _ in range(8)]
        await _prepare(databases[0])
        at_once = await asyncio.gather(*(database.write(_add_if_there_is_room) for database in databases))
        assert sorted(at_once) == [False] * 6 + [True] * 2
        in_one = await asyncio.gather(*(databases[0].write(_add_if_there_is_room) for _ in range(8)))
        assert in_one == [False] * 8
        assert await databases[0].read(_count) == 2


DATABASE_CONTRACT: tuple[DatabaseCheck, ...] = (
    what_is_written_can_be_read,
    a_unit_that_fails_leaves_nothing,
    a_unit_that_is_cancelled_leaves_nothing,
    a_cancellation_that_is_swallowed_counts,
    a_unit_that_is_cancelled_within_a_statement_lets_go,
    a_reading_unit_cannot_write,
    a_reader_sees_one_state_and_waits_for_no_writer,
    units_are_not_nested,
    a_reference_to_nothing_is_refused,
    objects_stay_usable_after_their_unit,
    a_limit_holds_when_eight_ask_at_once,
)


async def _prepare(database: Database) -> None:
    async def create(session: AsyncSession) -> None:
        connection = await session.connection()
        await connection.run_sync(Base.metadata.create_all)
        session.add(Bot(id=1, limit=2))

    await database.write(create)


async def _add_meeting(session: AsyncSession) -> int:
    session.add(Meeting(bot=1))
    await session.flush()
    return await _count(session)


async def _count_within(run: Callable[[Callable[[AsyncSession], Awaitable[int]]], Awaitable[int]], _: object) -> int:
    return await run(_count)


async def _add_if_there_is_room(session: AsyncSession) -> bool:
    bot = (await session.execute(select(Bot).where(Bot.id == 1).with_for_update())).scalar_one()
    taken = await _count(session)
    await asyncio.sleep(0.01)  # the gap in which all the others look
    if taken >= bot.limit:
        return False
    await _add_meeting(session)
    return True


async def _count(session: AsyncSession) -> int:
    return (await session.execute(select(func.count()).select_from(Meeting))).scalar_one()

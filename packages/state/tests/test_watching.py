import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import FakeRandomness, SystemClock
from botstate import DatabaseSettings, StateError, units
from botstate.storage import open_database
from botstate.testing.database import DATABASE_CONTRACT, DatabaseCheck
from botstate.watching import watch

pytestmark = pytest.mark.anyio


async def ask_a_server(_session: AsyncSession) -> None:
    """It answers at once, so no limit of time would notice."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()


async def wait_for_a_task(_session: AsyncSession) -> None:
    await asyncio.create_task(asyncio.sleep(0))


async def gather(_session: AsyncSession) -> None:
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))


@asynccontextmanager
async def slow_resource() -> AsyncIterator[None]:
    await asyncio.sleep(0.001)
    yield


async def enter_something_slow(_session: AsyncSession) -> None:
    async with slow_resource():
        pass


async def run_in_a_thread(_session: AsyncSession) -> None:
    await asyncio.to_thread(str)


FOREIGN = (ask_a_server, wait_for_a_task, gather, enter_something_slow, run_in_a_thread)


async def select_and_insert(session: AsyncSession) -> list[int]:
    await session.execute(text("CREATE TABLE watched (number INTEGER)"))
    await session.execute(text("INSERT INTO watched VALUES (1), (2), (3)"))
    await asyncio.sleep(0)
    connection = await session.connection()
    await connection.run_sync(lambda it: it.execute(text("SELECT 1")))
    stream = await session.stream(text("SELECT number FROM watched ORDER BY number"))
    return [number async for number in numbers(stream.scalars().__aiter__())]


async def numbers(rows: AsyncIterator[int]) -> AsyncIterator[int]:
    async for row in rows:
        yield row


@pytest.mark.parametrize("work", FOREIGN)
async def test_a_unit_that_waits_for_something_else_is_refused_where_it_waits(
    work: Callable[[AsyncSession], Awaitable[None]], empty_database: DatabaseSettings
) -> None:
    async with open_database(replace(empty_database, debug=True), SystemClock(), FakeRandomness()) as database:
        for run in (database.read, database.write):
            with pytest.raises(StateError, match=r"^A unit of work waits for something else than the database, at /"):
                await run(work)


async def test_the_place_is_told(tmp_path: Path) -> None:
    async def wait(_session: AsyncSession) -> None:
        await asyncio.Event().wait()

    settings = DatabaseSettings(tmp_path / "db", debug=True)
    async with open_database(settings, SystemClock(), FakeRandomness()) as database:
        with pytest.raises(StateError) as caught:
            await database.write(wait)
    line = wait.__code__.co_firstlineno + 1
    assert any(it.path == Path(__file__) and it.lineno + 1 == line for it in caught.traceback)
    assert "locks.py" in caught.value.message


@pytest.mark.parametrize("work", FOREIGN)
async def test_without_debug_nobody_looks(
    work: Callable[[AsyncSession], Awaitable[None]], empty_database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(units, "watch")
    async with open_database(empty_database, SystemClock(), FakeRandomness()) as database:
        await database.read(work)


async def test_a_unit_that_only_works_with_its_session_is_fine(empty_database: DatabaseSettings) -> None:
    async with open_database(replace(empty_database, debug=True), SystemClock(), FakeRandomness()) as database:
        assert await database.write(select_and_insert) == [1, 2, 3]


# These wait for something else on purpose: they are about what happens meanwhile.
WAITING = {
    "a_unit_that_is_cancelled_leaves_nothing",
    "a_cancellation_that_is_swallowed_counts",
    "a_reader_sees_one_state_and_waits_for_no_writer",
    "a_limit_holds_when_eight_ask_at_once",
}


@pytest.mark.parametrize(
    "check", [it for it in DATABASE_CONTRACT if it.__name__ not in WAITING], ids=lambda check: check.__name__
)
async def test_the_contract_holds_in_debug_mode(check: DatabaseCheck, empty_database: DatabaseSettings) -> None:
    settings = replace(empty_database, debug=True)
    await check(partial(open_database, settings, SystemClock(), FakeRandomness()))


async def test_errors_and_results_pass_through() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("no such bot")

    async def give() -> int:
        await asyncio.sleep(0)
        return 3

    with pytest.raises(LookupError, match="no such bot"):
        await watch(fail())
    assert await watch(give()) == 3

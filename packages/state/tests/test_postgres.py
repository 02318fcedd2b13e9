import asyncio
import logging
import sys
import time
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import FakeRandomness, InvalidError, Secret, SystemClock, UnavailableError
from botserver_stack.plugin import StackFactory
from botstate import (
    DATABASE,
    STANDINGS,
    Database,
    DatabaseSettings,
    Service,
    Settings,
    compose,
    database_service,
    foundation,
)
from botstate.postgres import open_postgres, parse_url
from botstate.testing.database import DATABASE_CONTRACT, DatabaseCheck, a_limit_holds_when_eight_ask_at_once

pytestmark = pytest.mark.anyio


def open_database(settings: DatabaseSettings, **changes: Any) -> AbstractAsyncContextManager[Database]:
    return open_postgres(replace(settings, **changes), SystemClock(), FakeRandomness())


@pytest.mark.parametrize("check", DATABASE_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: DatabaseCheck, fresh_postgres: DatabaseSettings) -> None:
    await check(partial(open_database, fresh_postgres))


async def test_the_race_is_lost_without_for_update(
    fresh_postgres: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Select, "with_for_update", lambda self: self)
    with pytest.raises(AssertionError):
        await a_limit_holds_when_eight_ask_at_once(partial(open_database, fresh_postgres))


async def count(session: AsyncSession) -> int:
    found: int = (await session.execute(text("SELECT count(*) FROM thing"))).scalar_one()
    return found


async def create(session: AsyncSession) -> None:
    await session.execute(text("CREATE TABLE thing (id integer PRIMARY KEY, name text)"))
    await session.execute(text("INSERT INTO thing VALUES (1, 'a'), (2, 'b')"))


async def lock_row(session: AsyncSession, number: int) -> None:
    await session.execute(text("SELECT * FROM thing WHERE id = :number FOR UPDATE"), {"number": number})


async def show(session: AsyncSession, name: str) -> str:
    value: str = (await session.execute(text(f"SHOW {name}"))).scalar_one()
    return value


async def test_reading_units_are_one_state_and_the_server_knows_the_limits(fresh_postgres: DatabaseSettings) -> None:
    async with open_database(fresh_postgres, lock_limit=3, unit_limit=7) as database:
        names = ("transaction_isolation", "transaction_read_only", "lock_timeout", "statement_timeout", "timezone")
        reading = [await database.read(partial(show, name=name)) for name in names]
        writing = [await database.write(partial(show, name=name)) for name in names]

    assert reading == ["repeatable read", "on", "3s", "8s", "UTC"]
    assert writing == ["read committed", "off", "3s", "8s", "UTC"]


async def test_a_database_without_an_encoding_keeps_text(fresh_postgres: DatabaseSettings) -> None:
    url = parse_url(fresh_postgres.url.reveal())
    async with await psycopg.AsyncConnection.connect(fresh_postgres.url.reveal(), autocommit=True) as connection:
        await connection.execute(
            "CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    plain = url.set(drivername="postgresql", database="plain").render_as_string(hide_password=False)

    async def keep(session: AsyncSession) -> str:
        await session.execute(text("CREATE TABLE thing (name text)"))
        await session.execute(text("INSERT INTO thing VALUES (:name)"), {"name": "Zoë 🎻"})
        name: str = (await session.execute(text("SELECT name FROM thing"))).scalar_one()
        return name

    async with open_database(replace(fresh_postgres, url=Secret(plain))) as database:
        assert await database.write(keep) == "Zoë 🎻"


async def test_units_that_lock_each_other_out_both_succeed(fresh_postgres: DatabaseSettings) -> None:
    tries = 0
    both_hold_one = asyncio.Barrier(2)

    async def lock_both(session: AsyncSession, first: int, second: int) -> None:
        nonlocal tries
        tries += 1
        await lock_row(session, first)
        if tries <= 2:
            await both_hold_one.wait()
        await lock_row(session, second)

    async with open_database(fresh_postgres) as database:
        await database.write(create)
        await asyncio.gather(
            database.write(partial(lock_both, first=1, second=2)), database.write(partial(lock_both, first=2, second=1))
        )
    assert tries == 3


async def test_a_lock_that_is_held_too_long_is_given_up_in_the_end(fresh_postgres: DatabaseSettings) -> None:
    async with open_database(fresh_postgres, lock_limit=0.05) as database:
        await database.write(create)
        with psycopg.connect(fresh_postgres.url.reveal()) as other:
            other.execute("SELECT * FROM thing WHERE id = 1 FOR UPDATE")
            with pytest.raises(UnavailableError, match="locked by others for too long"):
                await database.write(partial(lock_row, number=1))
            assert await database.read(count) == 2
        await database.write(partial(lock_row, number=1))


async def test_a_queue_that_is_too_long_is_refused(fresh_postgres: DatabaseSettings) -> None:
    release = asyncio.Event()

    async def hold(_session: AsyncSession) -> None:
        await release.wait()

    async with open_database(fresh_postgres, connections=1, turn_limit=0.1) as database:
        holder = asyncio.create_task(database.write(hold))
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError, match=r"^The database is busy\."):
            await database.read(partial(show, name="timezone"))
        release.set()
        await holder


async def test_a_unit_that_takes_too_long_is_ended_on_the_server(fresh_postgres: DatabaseSettings) -> None:
    async def sleep_long(session: AsyncSession) -> None:
        await session.execute(text("SELECT pg_sleep(60)"))

    async with open_database(fresh_postgres, unit_limit=0.3) as database:
        for run in (database.read, database.write):
            with pytest.raises(UnavailableError, match=r"^A unit of work took longer than 0\.3 seconds\.$"):
                await run(sleep_long)
            assert await run(partial(show, name="timezone")) == "UTC"
        with psycopg.connect(fresh_postgres.url.reveal()) as other:
            query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)%%' AND state = 'active'"
            assert other.execute(f"{query} AND pid <> pg_backend_pid()".encode()).fetchone() == (0,)


async def test_a_statement_that_the_server_ended_is_a_sentence(fresh_postgres: DatabaseSettings) -> None:
    async def sleep_long(session: AsyncSession) -> None:
        await session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        await session.execute(text("SELECT pg_sleep(60)"))

    async with open_database(fresh_postgres) as database:
        with pytest.raises(UnavailableError, match=r"^A statement took too long\.$"):
            await database.read(sleep_long)


async def test_the_locks_of_a_process_that_hangs_are_let_go(fresh_postgres: DatabaseSettings) -> None:
    """The event loop is blocked, so no limit of this process can end the unit: the server does, a second later."""
    waited = []

    async def hang(session: AsyncSession) -> None:
        await lock_row(session, 1)
        with psycopg.connect(fresh_postgres.url.reveal()) as other:
            began = time.monotonic()
            other.execute("SELECT * FROM thing WHERE id = 1 FOR UPDATE")
            waited.append(time.monotonic() - began)

    async with open_database(fresh_postgres, unit_limit=0.1) as database:
        await database.write(create)
        with pytest.raises(UnavailableError):
            await database.write(hang)
        assert await database.read(count) == 2
    assert waited[0] > 0.5


async def test_a_server_that_restarts_is_waited_for_by_the_next_unit(
    fresh_stack: StackFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stack = fresh_stack(services=("postgres",))
    settings = DatabaseSettings(url=Secret(stack.database_url), connections=2)
    password = parse_url(stack.database_url).password
    assert password

    async with open_database(settings) as database:
        await database.write(create)
        await asyncio.gather(*(database.read(count) for _ in range(4)))
        await asyncio.to_thread(stack.stop_server, "postgres")
        with pytest.raises(UnavailableError) as caught:
            await database.read(count)
        assert str(caught.value) == "The database cannot be reached. Try again."
        await asyncio.to_thread(stack.start_server, "postgres")
        assert await database.read(count) == 2

        # The connections of the pool are dead; nobody has noticed yet.
        await asyncio.to_thread(stack.kill_server, "postgres")
        await asyncio.to_thread(stack.start_server, "postgres")
        assert await database.write(count) == 2
        assert await database.read(count) == 2

        async def lose_the_connection(session: AsyncSession) -> None:
            await session.execute(text("INSERT INTO thing VALUES (3, 'c')"))
            await asyncio.to_thread(stack.kill_server, "postgres")

        with pytest.raises(UnavailableError, match="may have happened or not"):
            await database.write(lose_the_connection)
        await asyncio.to_thread(stack.start_server, "postgres")
        assert await database.read(count) == 2

        tries = 0

        async def lose_the_connection_once(session: AsyncSession) -> int:
            nonlocal tries
            tries += 1
            found = await count(session)
            if tries == 1:
                await asyncio.to_thread(stack.kill_server, "postgres")
                await asyncio.to_thread(stack.start_server, "postgres")
            return found

        assert (await database.read(lose_the_connection_once), tries) == (2, 2)
    assert password not in caplog.text


async def test_a_server_that_is_not_there_is_a_sentence_without_the_password() -> None:
    settings = DatabaseSettings(url=Secret("postgresql://anna:secret-word@127.0.0.1:1/none"))
    with pytest.raises(UnavailableError) as caught:
        async with open_database(settings) as database:
            await database.read(count)
    assert str(caught.value) == "The database cannot be reached. Try again."
    assert "secret-word" not in f"{settings}"


async def test_other_errors_of_the_database_reach_the_caller(fresh_postgres: DatabaseSettings) -> None:
    async def insert_twice(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO thing VALUES (1, 'a')"))

    async def pass_nonsense(session: AsyncSession) -> None:
        await session.execute(text("SELECT :it"), {"it": object()})

    async with open_database(fresh_postgres) as database:
        await database.write(create)
        with pytest.raises(IntegrityError):
            await database.write(insert_twice)
        with pytest.raises(ProgrammingError):
            await database.write(pass_nonsense)


async def test_no_connection_is_left_when_it_is_closed(fresh_postgres: DatabaseSettings) -> None:
    for turns in (0, 1, 5, 20, 60, 200):
        async with open_database(fresh_postgres) as database:
            task = asyncio.create_task(database.read(partial(show, name="timezone")))
            for _ in range(turns):
                await asyncio.sleep(0.0001)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    with psycopg.connect(fresh_postgres.url.reveal(), autocommit=True) as other:
        query = b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'botserver'"
        deadline = time.monotonic() + 20
        while (left := other.execute(query).fetchone()) != (0,):
            assert time.monotonic() < deadline, f"{left} connections were left open"
            await asyncio.sleep(0.02)


async def test_a_unit_that_outlives_its_database_leaves_no_connection(fresh_postgres: DatabaseSettings) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def hold(session: AsyncSession) -> str:
        began.set()
        await release.wait()
        return await show(session, "timezone")

    async with open_database(fresh_postgres) as database:
        task = asyncio.create_task(database.write(hold))
        await began.wait()
    release.set()
    assert await task == "UTC"
    with pytest.raises(UnavailableError, match=r"^The database is closed\.$"):
        await database.read(partial(show, name="timezone"))


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_the_driver_is_always_psycopg(scheme: str) -> None:
    assert parse_url(f"{scheme}://anna@127.0.0.1/bot").drivername == "postgresql+psycopg"


@pytest.mark.parametrize("wrong", ["mysql://anna:secret@localhost/bot", "secret", "postgresql+asyncpg://secret/bot"])
def test_other_urls_are_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(InvalidError, match=r"database\.url is not understood") as caught:
        parse_url(wrong)
    assert "secret" not in str(caught.value)


async def test_a_driver_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidError, match=r"Install botstate\[postgres\]"):
        async with open_database(DatabaseSettings(url=Secret("postgresql://127.0.0.1/bot"))):
            pass


async def test_services_get_it_by_a_reference_to_its_url(
    fresh_postgres: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_URL", fresh_postgres.url.reveal())
    settings = Settings({"database": DatabaseSettings(url=Secret("env:THE_URL"))})
    async with compose([foundation(settings), database_service, Service(name="user", requires=(DATABASE,))]) as state:
        assert await state.database.read(partial(show, name="timezone")) == "UTC"


async def test_a_url_of_another_database_is_told_as_one() -> None:
    settings = Settings({"database": DatabaseSettings(url=Secret("mysql://nobody"))})
    async with compose([foundation(settings), database_service]) as state:
        assert state.require(STANDINGS).of("database").trouble == (
            "database did not open: The setting database.url is not understood. "
            "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )

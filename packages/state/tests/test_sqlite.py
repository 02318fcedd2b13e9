import asyncio
import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from botlib import FakeRandomness, InvalidError, SystemClock, UnavailableError
from botstate import (
    DATABASE,
    Database,
    DatabaseSettings,
    DataSettings,
    Service,
    Settings,
    compose,
    database_service,
    driver,
    foundation,
    sqlite,
    units,
)
from botstate.testing.database import (
    DATABASE_CONTRACT,
    DatabaseCheck,
    a_limit_holds_when_eight_ask_at_once,
    a_unit_that_is_cancelled_within_a_statement_lets_go,
)

pytestmark = pytest.mark.anyio


def open_database(
    folder: Path, *, lock_limit: float = 5, unit_limit: float = 10, turn_limit: float = 15
) -> AbstractAsyncContextManager[Database]:
    settings = DatabaseSettings(
        folder / "test 100%? #.sqlite3", lock_limit=lock_limit, unit_limit=unit_limit, turn_limit=turn_limit
    )
    return sqlite.open_sqlite(settings, SystemClock(), FakeRandomness())


@pytest.mark.parametrize("check", DATABASE_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: DatabaseCheck, tmp_path: Path) -> None:
    await check(partial(open_database, tmp_path))


@pytest.mark.parametrize("check", DATABASE_CONTRACT, ids=lambda check: check.__name__)
async def test_contract_while_every_statement_lets_others_have_their_turn(
    check: DatabaseCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MOST_AT_ONCE", 0)  # as after many that were over at once, also while a unit ends
    await check(partial(open_database, tmp_path))


async def test_the_race_is_lost_with_a_deferred_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_engine = sqlite.create_engine
    monkeypatch.setattr(units, "ATTEMPTS", 1)

    def defer(settings: DatabaseSettings, _begin: str, *pragmas: str) -> AsyncEngine:
        return create_engine(settings, "BEGIN DEFERRED", *pragmas)

    await a_limit_holds_when_eight_ask_at_once(partial(open_database, tmp_path / "immediate"))
    monkeypatch.setattr(sqlite, "create_engine", defer)

    with pytest.raises(UnavailableError, match="locked by others"):
        await a_limit_holds_when_eight_ask_at_once(partial(open_database, tmp_path / "deferred"))


async def test_a_lock_is_kept_when_a_cancelled_statement_is_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = driver.Worker.call

    async def call_to_its_end(worker: driver.Worker, work: Callable[..., object], **_options: bool) -> object:
        return await call(worker, work)

    monkeypatch.setattr(driver.Worker, "call", call_to_its_end)

    with pytest.raises(UnavailableError, match="locked by others"):
        await a_unit_that_is_cancelled_within_a_statement_lets_go(partial(open_database, tmp_path, lock_limit=0.1))


async def journal_mode(session: AsyncSession) -> object:
    return (await session.execute(text("PRAGMA journal_mode"))).scalar_one()


async def sleep_for_ever(session: AsyncSession) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    await session.execute(text(endless))


async def wait_for_ever(_session: AsyncSession) -> None:
    await asyncio.Event().wait()


async def test_the_file_is_made_for_its_owner_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with open_database(tmp_path / "a" / "b") as database:
        assert await database.read(journal_mode) == "wal"
        file = tmp_path / "a" / "b" / "test 100%? #.sqlite3"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    assert f"the database is {file}" in caplog.text
    assert os.listdir(file.parent) == ["test 100%? #.sqlite3"]


async def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidError, match=r"cannot be opened: .* Set database\.file to another place\."):
        async with open_database(tmp_path / "file"):
            pytest.fail("opened all the same")


@pytest.mark.parametrize("work", [sleep_for_ever, wait_for_ever])
async def test_a_unit_that_takes_too_long_is_ended_and_the_next_one_works(
    work: Callable[[AsyncSession], Awaitable[None]], tmp_path: Path
) -> None:
    async with open_database(tmp_path, unit_limit=0.5) as database:
        for run in (database.write, database.read):
            began = time.monotonic()
            with pytest.raises(UnavailableError, match=r"^A unit of work took longer than 0\.5 seconds\.$"):
                await run(work)
            assert time.monotonic() - began < 8
            assert await run(journal_mode) == "wal"


async def test_another_process_that_holds_the_lock_is_given_up_in_the_end(tmp_path: Path) -> None:
    async with open_database(tmp_path, lock_limit=0.05) as database:
        await database.write(journal_mode)
        with sqlite3.connect(tmp_path / "test 100%? #.sqlite3") as other:
            other.execute("BEGIN IMMEDIATE")

            with pytest.raises(UnavailableError, match="locked by others for too long"):
                await database.write(journal_mode)
            assert await database.read(journal_mode) == "wal"
        other.close()
        await database.write(journal_mode)


async def test_another_process_that_gives_the_lock_back_is_waited_for(tmp_path: Path) -> None:
    async with open_database(tmp_path, lock_limit=0.02) as database:
        await database.write(journal_mode)
        other = sqlite3.connect(tmp_path / "test 100%? #.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        release = asyncio.get_running_loop().call_later(0.03, other.execute, "ROLLBACK")

        await database.write(journal_mode)

        assert not release.cancelled()
        other.close()


async def test_a_queue_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async with open_database(tmp_path, unit_limit=0.4, turn_limit=0.45) as database, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(refused(database))
        second = tasks.create_task(refused(database))
        third = tasks.create_task(refused(database))

    texts = sorted([await first, await second, await third])
    assert texts[0] == "A unit of work took longer than 0.4 seconds."
    assert texts[2] == "The database is busy. Try again."


async def refused(database: Database) -> str:
    with pytest.raises(UnavailableError) as caught:
        await database.write(wait_for_ever)
    return str(caught.value)


async def test_other_errors_of_the_database_reach_the_caller(tmp_path: Path) -> None:
    async def ask_nonsense(session: AsyncSession) -> None:
        await session.execute(text("SELECT nonsense"))

    async with open_database(tmp_path) as database:
        with pytest.raises(OperationalError, match="no such column"):
            await database.read(ask_nonsense)


async def test_a_task_that_a_unit_started_has_units_of_its_own(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        later: list[asyncio.Task[object]] = []

        async def start(_session: AsyncSession) -> None:
            later.append(asyncio.create_task(database.write(journal_mode)))

        await database.write(start)
        assert await later[0] == "wal"


async def test_services_get_it_as_a_capability(tmp_path: Path) -> None:
    settings = Settings({"data": DataSettings(tmp_path / "data"), "database": DatabaseSettings()})
    user = Service(name="user", requires=(DATABASE,))
    check = database_service.check
    assert check is not None

    async with compose([foundation(settings), database_service, user]) as state:
        assert state.database is state.require(DATABASE)
        await check(state)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert os.listdir(tmp_path / "data") == ["botserver.sqlite3"]


@pytest.mark.parametrize(
    "wrong", [{"lock_limit": 0}, {"unit_limit": -1}, {"turn_limit": 0}, {"readers": 0}, {"connections": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="number"):
        DatabaseSettings(**wrong)  # type: ignore[arg-type]  # the numbers are what is wrong


async def test_a_unit_that_is_cancelled_while_it_connects_leaves_no_connection_open(tmp_path: Path) -> None:
    for turns in range(30):
        async with open_database(tmp_path / f"{turns}") as database:
            task = asyncio.create_task(database.write(journal_mode))
            for _ in range(turns):
                await asyncio.sleep(0.0001)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    await wait_for_connections_to_end()


async def wait_for_connections_to_end() -> None:
    """Each connection is a thread."""
    for thread in threading.enumerate():
        if thread.name == "botstate-sqlite":
            await asyncio.to_thread(thread.join, 20)
            assert not thread.is_alive(), "a connection was left open"

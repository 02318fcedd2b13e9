"""B1: whatever happens at once, a user never has more bots than the limit. On a real PostgreSQL.

The witness is not the code under test: every change of state is written down by a trigger, and put in order by the time
of its commit, which the server keeps. The twins are what people write when they have not read how snapshots are taken.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import func, select, text

from botlib import FakeClock, Secret
from botserver_meetings import reservation
from botserver_meetings.callbacks import Report, take_report
from botserver_meetings.context import MEETINGS
from botserver_meetings.errors import FullError
from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.records import SERVER_MOMENT
from botserver_meetings.reservation import Wish, reserve
from botserver_meetings.states import COUNTED, Status
from botserver_meetings.tables import meetings, users
from botserver_meetings.testing import FakeRunner, create_services
from botstate import DatabaseSettings, compose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_stack import BlockingStack

pytestmark = pytest.mark.anyio

LIMIT = 2
WITNESS = """
CREATE TABLE witness (id bigserial PRIMARY KEY, meeting bigint NOT NULL, status text NOT NULL);
CREATE FUNCTION note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO witness (meeting, status) VALUES (NEW.id, NEW.status); RETURN NEW; END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OF status ON meetings FOR EACH ROW EXECUTE FUNCTION note_status();
"""
IN_ORDER = "SELECT meeting, status FROM witness ORDER BY pg_xact_commit_timestamp(xmin), id"


@asynccontextmanager
async def opened(url: str, folder: Path, connections: int) -> AsyncIterator[Context]:
    """The service on this database, with a witness."""
    database = DatabaseSettings(url=Secret(url), connections=connections, lock_limit=30.0, turn_limit=60.0)
    services = create_services(folder, FakeClock(), FakeRunner(), database=database)
    async with compose(services) as state:
        context = state.require(MEETINGS)

        async def prepare(session: AsyncSession) -> None:
            for statement in WITNESS.strip().split(";\n"):
                await session.execute(text(statement))
            row = {"email": "a@example.org", "max_concurrent_bots": LIMIT, "data": {}, "created_at": func.now()}
            await session.execute(users.insert().values(row))

        await context.database.write(prepare)
        yield context


async def storm(context: Context, requests: int, clients: int) -> tuple[int, int]:
    """Ask for bots from many sides at once, and end some at random. How many were created, and how many refused."""
    counts = {"created": 0, "refused": 0}
    left = iter(range(requests))
    chance = random.Random(7)

    async def ask() -> None:
        for number in left:
            name = MeetingName(Platform.GOOGLE_MEET, f"m-{number}")
            try:
                made = await reserve(context, 1, Wish(name, "Bot", "en", "transcribe", "http://server"))
            except FullError:
                counts["refused"] += 1
                continue
            counts["created"] += 1
            await asyncio.sleep(chance.choice((0, 0, 0.002)))
            end = chance.choice((Status.COMPLETED, Status.FAILED))
            await take_report(context, Report(made.credentials, end))

    await asyncio.gather(*(ask() for _ in range(clients)))
    return counts["created"], counts["refused"]


async def most_at_once(context: Context) -> tuple[int, int]:
    """By the witness: the most bots that took a place at the same time, and how many there ever were."""

    async def work(session: AsyncSession) -> list[Any]:
        return list((await session.execute(text(IN_ORDER))).all())

    taken: set[int] = set()
    ever: set[int] = set()
    most = 0
    for meeting, status in await context.database.read(work):
        ever.add(meeting)
        (taken.add if Status(status) in COUNTED else taken.discard)(meeting)
        most = max(most, len(taken))
    return most, len(ever)


@pytest.fixture(scope="module")
def server() -> Iterator[BlockingStack]:
    """A server that keeps the times of commits."""
    from botserver_stack import BlockingStack

    stack = BlockingStack(services=("postgres",)).start()
    try:
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        stack.run(stack.stack.stop_server("postgres"))
        stack.run(stack.stack.start_server("postgres"))
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def database(server: BlockingStack, request: pytest.FixtureRequest) -> str:
    """The address of a fresh database there."""
    name = f"test_{abs(hash(request.node.name)) % 10**9}"
    return server.run(server.stack.create_database(name, "template1"))


async def test_the_limit_is_never_exceeded(database: str, tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    requests = rounds(300, 10_000)
    async with opened(database, tmp_path, connections=rounds(16, 64)) as context:
        created, refused = await storm(context, requests, clients=64)
        most, ever = await most_at_once(context)
    assert created + refused == requests  # nobody was left without an answer
    assert (most, ever) == (LIMIT, created)  # and every answer is true


async def forget_the_lock(session: AsyncSession, user_id: int) -> int:
    limit: int = (await session.execute(select(users.c.max_concurrent_bots).where(users.c.id == user_id))).scalar_one()
    return limit


async def count_while_locking(_context: Context, session: AsyncSession, user_id: int) -> tuple[int, Any]:
    """Lock and count in one statement: its snapshot is from before the wait for the lock."""
    counted = (
        select(func.count())
        .where(meetings.c.user_id == users.c.id, meetings.c.status.in_([it.value for it in COUNTED]))
        .scalar_subquery()
    )
    query = select(counted, SERVER_MOMENT).where(users.c.id == user_id)
    row = (await session.execute(query.with_for_update(of=users))).one()
    return row[0], row[1]


@pytest.mark.parametrize("twin", ["no lock", "lock in the counting statement"])
async def test_the_witness_finds_those_who_lock_wrongly(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twin: str
) -> None:
    monkeypatch.setattr(reservation, "lock_limit", forget_the_lock)
    if twin == "lock in the counting statement":
        monkeypatch.setattr(reservation, "count_places", count_while_locking)
    async with opened(database, tmp_path, connections=16) as context:
        for _ in range(5):
            await storm(context, 64, clients=64)
            most, _ = await most_at_once(context)
            if most > LIMIT:
                return
    pytest.fail(f"with {twin} there were never more than {LIMIT} bots")

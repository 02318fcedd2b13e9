"""A process that is killed at any moment while it delivers loses no message, and marks what it delivers twice."""

import asyncio
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from botlib import FakeRandomness, SystemClock
from botstate import DatabaseSettings
from botstate.outbox.messages import Delivery, StoredMessage
from botstate.storage import open_database
from botstate.testing.outbox import start

pytestmark = pytest.mark.slow

ROUNDS = 2
MESSAGES = 40

PROGRAM = """
import asyncio, os, sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from botlib import FakeRandomness, Secret, SystemClock
from botstate import DatabaseSettings
from botstate.outbox import store
from botstate.outbox.tables import messages
from botstate.storage import open_database
from botstate.testing.outbox import QUICK, start

PLACE, TARGET = sys.argv[1], os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

async def deliver(message):
    print(message.id, flush=True)  # the moment at which it will be killed
    await asyncio.sleep(0.05)
    os.write(TARGET, f"{message.id}\\n".encode())

if "mark-first" in sys.argv:
    claim_due = store.claim_due

    async def claim(session, **options):
        claims = await claim_due(session, **options)
        for it in claims:
            await session.execute(messages.update().where(messages.c.id == it.message.id).values(state="delivered"))
        return claims

    store.claim_due = claim

SETTINGS = DatabaseSettings(url=Secret(PLACE)) if "://" in PLACE else DatabaseSettings(Path(PLACE))

async def main():
    settings = replace(QUICK, seconds=0.25, attempts=100, concurrency=3)
    open_one, number = partial(open_database, SETTINGS, SystemClock(), FakeRandomness()), os.getpid()
    async with start(open_one, settings, worker=str(number), create=False, seed=number) as process:
        async with process.outbox.handling("count", deliver):
            while await process.outbox.messages("mine", state="pending", count=1):
                await asyncio.sleep(0.02)

asyncio.run(main())
"""


class Work(NamedTuple):
    """What came of a bounded number of rounds."""

    enqueued: list[str]
    arrived: Counter[str]
    stored: list[StoredMessage]
    log: list[Delivery]


def work_and_kill(folder: Path, database: DatabaseSettings, *switches: str, rounds: int = ROUNDS) -> Work:
    """Enqueue, kill two processes that deliver in each round, and let the last two finish."""
    program, target = folder / "program.py", folder / "target"
    program.write_text(PROGRAM)
    target.touch()
    enqueued = asyncio.run(_enqueue(database))
    place = database.url.reveal() or str(database.file)
    command = [sys.executable, str(program), place, str(target), *switches]
    for round_number in range(rounds):
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        output = processes[round_number % 2].stdout
        assert output is not None
        for _ in range(1 + round_number * 2):
            output.readline()
        for process in processes:
            process.kill()
            process.communicate()
    last = [subprocess.Popen([*command[:4]], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in last] == [0, 0]
    stored, log = asyncio.run(_read(database))
    return Work(enqueued, Counter(target.read_text().split()), stored, log)


def test_each_message_arrives_at_least_once_and_duplicates_carry_its_id(
    tmp_path: Path, empty_database: DatabaseSettings
) -> None:
    work = work_and_kill(tmp_path, empty_database)

    assert set(work.arrived) == set(work.enqueued)
    assert {it.state for it in work.stored} == {"delivered"}
    lost = Counter(str(it.message) for it in work.log if it.outcome == "lost")
    assert lost.total() > 0, "nobody was killed during a delivery"
    assert all(count <= 1 + lost[message] for message, count in work.arrived.items()), "twice without a reason"


def test_a_message_that_is_marked_before_it_is_delivered_is_lost(
    tmp_path: Path, empty_database: DatabaseSettings
) -> None:
    """The twin of the test above."""
    work = work_and_kill(tmp_path, empty_database, "mark-first", rounds=1)

    assert set(work.arrived) < set(work.enqueued)


async def _enqueue(database: DatabaseSettings) -> list[str]:
    async with start(partial(open_database, database, SystemClock(), FakeRandomness())) as process:
        return [str(it) for it in await process.enqueue(*range(MESSAGES))]


async def _read(database: DatabaseSettings) -> tuple[list[StoredMessage], list[Delivery]]:
    async with start(partial(open_database, database, SystemClock(), FakeRandomness()), create=False) as process:
        stored = await process.outbox.messages("mine")
        return stored, [it for message in stored for it in await process.outbox.deliveries(message.id)]

"""A process that is killed at any moment leaves whole units, and every unit that it reported."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import FakeRandomness, SystemClock
from botstate import DatabaseSettings
from botstate.storage import open_database

pytestmark = pytest.mark.slow

#: After how many units a process is killed: 200 in all.
ROUNDS = (11, 72, 117)

PROGRAM = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from botlib import FakeRandomness, Secret, SystemClock
from botstate import DatabaseSettings
from botstate.storage import open_database

PLACE, TWIN = sys.argv[1], "in-two-units" in sys.argv
SETTINGS = DatabaseSettings(url=Secret(PLACE)) if "://" in PLACE else DatabaseSettings(Path(PLACE))

async def create(session):
    for side in ("giver", "taker"):
        await session.execute(text(f"CREATE TABLE IF NOT EXISTS {side} (number INTEGER PRIMARY KEY)"))

async def give(session):
    statement = "INSERT INTO giver SELECT coalesce(max(number), 0) + 1 FROM giver RETURNING number"
    return (await session.execute(text(statement))).scalar_one()

async def take(session, number):
    await session.execute(text("INSERT INTO taker VALUES (:number)"), {"number": number})

async def both(session):
    number = await give(session)
    await take(session, number)
    return number

async def main():
    async with open_database(SETTINGS, SystemClock(), FakeRandomness()) as database:
        await database.write(create)
        while True:
            if TWIN:
                number = await database.write(give)
                print(number, flush=True)  # the moment at which it will be killed
                await asyncio.Event().wait()
                await database.write(lambda session: take(session, number))
            else:
                number = await database.write(both)
                print(number, flush=True)

asyncio.run(main())
"""


def work_until_killed(database: DatabaseSettings, folder: Path, units: int, *switches: str) -> int:
    """Let the program report that many units, kill it, and return the last number that it reported."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), database.url.reveal() or str(database.file), *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(units)]
        assert lines[-1], "the program ended by itself"
        process.kill()
        lines += process.stdout.readlines()
    # The last line may have been cut off.
    return int([line for line in lines if line.endswith("\n")][-1])


def torn_units(database: DatabaseSettings) -> tuple[int, int]:
    """How many numbers only one side has, and the largest that both have."""

    async def read(session: AsyncSession) -> tuple[set[int], set[int]]:
        givers = (await session.execute(text("SELECT number FROM giver"))).scalars()
        takers = (await session.execute(text("SELECT number FROM taker"))).scalars()
        if not database.url:
            assert (await session.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"
        return set(givers), set(takers)

    async def read_all() -> tuple[set[int], set[int]]:
        async with open_database(database, SystemClock(), FakeRandomness()) as opened:
            return await opened.read(read)

    givers, takers = asyncio.run(read_all())
    return len(givers ^ takers), max(givers & takers, default=0)


@pytest.mark.parametrize("units", ROUNDS)
def test_units_are_whole_and_none_that_was_reported_is_lost(
    units: int, empty_database: DatabaseSettings, tmp_path: Path
) -> None:
    last = work_until_killed(empty_database, tmp_path, units)
    torn, largest = torn_units(empty_database)
    assert (torn, largest >= last) == (0, True)


def test_work_in_two_units_is_torn(empty_database: DatabaseSettings, tmp_path: Path) -> None:
    """The twin of the test above, killed between its halves."""
    work_until_killed(empty_database, tmp_path, 1, "in-two-units")
    assert torn_units(empty_database) == (1, 0)

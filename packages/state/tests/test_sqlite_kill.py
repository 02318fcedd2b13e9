"""A process that is killed at any moment leaves whole units, and every unit that it reported."""

import sqlite3
import subprocess
import sys
from pathlib import Path

ROUNDS = 5

PROGRAM = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from botlib import FakeRandomness, SystemClock
from botstate import DatabaseSettings
from botstate.sqlite import open_sqlite

FILE, TWIN = Path(sys.argv[1]), "in-two-units" in sys.argv

async def create(session):
    for side in ("giver", "taker"):
        await session.execute(text(f"CREATE TABLE IF NOT EXISTS {side} (number INTEGER PRIMARY KEY)"))

async def give(session):
    return (await session.execute(text("INSERT INTO giver DEFAULT VALUES RETURNING number"))).scalar_one()

async def take(session, number):
    await session.execute(text("INSERT INTO taker VALUES (:number)"), {"number": number})

async def both(session):
    number = await give(session)
    await take(session, number)
    return number

async def main():
    async with open_sqlite(DatabaseSettings(FILE), SystemClock(), FakeRandomness()) as database:
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


def work_until_killed(folder: Path, units: int, *switches: str) -> int:
    """Let the program report that many units, kill it, and return the last number that it reported."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(folder / "test.sqlite3"), *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(units)]
        assert lines[-1], "the program ended by itself"
        process.kill()
        lines += process.stdout.readlines()
    # The last line may have been cut off.
    return int([line for line in lines if line.endswith("\n")][-1])


def torn_units(folder: Path) -> tuple[int, int]:
    """How many numbers only one side has, and the largest that both have."""
    with sqlite3.connect(folder / "test.sqlite3") as connection:
        givers = {number for (number,) in connection.execute("SELECT number FROM giver")}
        takers = {number for (number,) in connection.execute("SELECT number FROM taker")}
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return len(givers ^ takers), max(givers & takers, default=0)


def test_units_are_whole_and_none_that_was_reported_is_lost(tmp_path: Path) -> None:
    for round_number in range(ROUNDS):
        last = work_until_killed(tmp_path, 5 + 9 * round_number)
        torn, largest = torn_units(tmp_path)
        assert (torn, largest >= last) == (0, True)


def test_work_in_two_units_is_torn(tmp_path: Path) -> None:
    """The twin of the test above, killed between its halves."""
    work_until_killed(tmp_path, 1, "in-two-units")
    assert torn_units(tmp_path) == (1, 0)

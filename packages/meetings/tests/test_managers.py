"""B8 and B10: managers whose clocks differ, and one that stands still while it holds a lock. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, insert, select, text, update

from botlib import FakeClock, Secret, SystemClock, UnavailableError
from botserver_meetings import records
from botserver_meetings.callbacks import Report, take_heartbeat, take_report
from botserver_meetings.context import MEETINGS
from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.reservation import Wish, reserve
from botserver_meetings.states import Status
from botserver_meetings.sweep import sweep
from botserver_meetings.tables import meetings, users
from botserver_meetings.testing import FakeRunner, create_services
from botstate import DatabaseSettings, compose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context

pytestmark = pytest.mark.anyio

WISH = Wish(MeetingName(Platform.GOOGLE_MEET, "daily"), "Bot", "en", "transcribe", "http://server")
#: More than a bot in its meeting may be silent, less than the clocks are apart.
SILENT = text("beat_at - interval '150 seconds'")


@asynccontextmanager
async def opened(url: str, folder: Path, *limits: int, **chosen: float) -> AsyncIterator[Context]:
    """The service on this database, with users who have these limits."""
    database = DatabaseSettings(url=Secret(url), **chosen)  # type: ignore[arg-type]  # numbers, all that are given
    async with compose(create_services(folder, SystemClock(), FakeRunner(), database=database)) as state:
        context = state.require(MEETINGS)

        async def create_users(session: AsyncSession) -> None:
            for number, limit in enumerate(limits, start=1):
                row = {"email": f"user-{number}@example.org", "max_concurrent_bots": limit, "data": {}}
                await session.execute(insert(users).values({**row, "created_at": func.now()}))

        await context.database.write(create_users)
        yield context


def managers_of(context: Context) -> list[Context]:
    """Three managers: the clock of one is right, that of one is late, that of one early."""
    now = datetime.now(UTC)
    return [replace(context, clock=FakeClock(now + timedelta(minutes=it))) for it in (0, -5, 5)]


async def statuses_after_sweeps(context: Context, count: int) -> list[tuple[str, set[Status]]]:
    """So many bots speak to any of three managers, as many have been silent, and all managers sweep twice."""
    managers = managers_of(context)
    made = []
    for number in range(2 * count):
        manager = managers[number % 3]
        reservation = await reserve(manager, 1, WISH)
        for step in (Status.STARTING, Status.ACTIVE):
            await take_report(manager, Report(reservation.credentials, step))
        made.append(reservation)
    alive, dead = made[:count], made[count:]

    async def fall_silent(session: AsyncSession) -> None:
        mine = meetings.c.id.in_([it.meeting.id for it in dead])
        await session.execute(update(meetings).where(mine).values(beat_at=SILENT))

    await context.database.write(fall_silent)
    for _ in range(2):
        for number, it in enumerate(alive):
            await take_heartbeat(managers[number % 3], it.credentials)
        await asyncio.gather(*(sweep(it, 1e9) for it in managers))

    async def read(session: AsyncSession) -> dict[int, Status]:
        return {row.id: Status(row.status) for row in await session.execute(select(meetings.c.id, meetings.c.status))}

    found = await context.database.read(read)
    return [(name, {found[it.meeting.id] for it in group}) for name, group in (("alive", alive), ("dead", dead))]


async def test_clocks_that_are_minutes_apart_end_only_the_dead(
    postgres_url: str, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    async with opened(postgres_url, tmp_path, 1000) as context:
        found = await statuses_after_sweeps(context, rounds(20, 200))
    assert found == [("alive", {Status.ACTIVE}), ("dead", {Status.FAILED})]


async def test_the_check_finds_managers_that_believe_their_own_clocks(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "has_own_clock", lambda _session: False)
    async with opened(postgres_url, tmp_path, 1000) as context:
        found = await statuses_after_sweeps(context, 6)
    assert Status.FAILED in dict(found)["alive"]


#: A manager that is stopped between its lock and its insert, and tells what came of it when it goes on.
STOPPED = """
import asyncio, os, signal, sys
from pathlib import Path
from botlib import BotError, Secret, SystemClock
from botserver_meetings import reservation
from botserver_meetings.context import MEETINGS
from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.testing import FakeRunner, create_services
from botstate import DatabaseSettings, compose

right, stops = reservation.count_places, iter([True])

async def count_and_stop(*given):
    counted = await right(*given)
    if next(stops, False):
        os.kill(os.getpid(), signal.SIGSTOP)
    return counted

async def main():
    reservation.count_places = count_and_stop
    database = DatabaseSettings(url=Secret(sys.argv[1]), unit_limit=float(sys.argv[3]))
    async with compose(create_services(Path(sys.argv[2]), SystemClock(), FakeRunner(), database=database)) as state:
        name = MeetingName(Platform.GOOGLE_MEET, "late")
        wish = reservation.Wish(name, "Bot", "en", "transcribe", "http://server")
        try:
            await reservation.reserve(state.require(MEETINGS), 1, wish)
        except BotError as error:
            print(type(error).__name__, flush=True)
        else:
            print("reserved", flush=True)

asyncio.run(main())
"""


async def ask_while_one_is_stopped(context: Context, url: str, folder: Path, unit_limit: float) -> str:
    """A manager is stopped while it holds the lock of the first user, who has one place. What came of it in the end."""
    words = (sys.executable, "-c", STOPPED, url, str(folder), str(unit_limit))
    holder = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    try:
        await asyncio.to_thread(os.waitid, os.P_PID, holder.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        with pytest.raises(UnavailableError, match="locked by others for too long"):
            await reserve(context, 1, WISH)
        await reserve(context, 2, WISH)  # nobody else waits
        async with asyncio.timeout(unit_limit + 30):
            while not await is_served(context):
                pass  # each try waits for the lock
        holder.send_signal(signal.SIGCONT)
        told, _ = await asyncio.wait_for(holder.communicate(), 60)
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()
    return told.decode().strip()


async def is_served(context: Context) -> bool:
    try:
        await reserve(context, 1, WISH)
    except UnavailableError:
        return False
    return True


async def test_a_manager_that_stands_still_keeps_a_lock_only_for_a_while(
    postgres_url: str, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    async with opened(postgres_url, tmp_path, 1, 1, lock_limit=0.2, unit_limit=60.0) as context:
        told = await ask_while_one_is_stopped(context, postgres_url, tmp_path / "other", rounds(2, 30))
        taken = await context.database.read(lambda session: session.scalar(select(func.count()).select_from(meetings)))
    assert told in {"FullError", "UnavailableError"}  # its place was given to another one meanwhile
    assert taken == 2


async def test_the_check_finds_a_manager_that_waits_for_ever(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path, 1, 1, lock_limit=50.0, unit_limit=60.0) as context:
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            await ask_while_one_is_stopped(context, postgres_url, tmp_path / "other", 1.0)

"""Looks after what nobody else will: bots that died, starts that are owed, processes that should not be there.

Any number of managers may sweep at the same time: each end is a conditional step of a locked row, so it happens once.
The turn that they take only spares them the double work: who cannot ask whose turn it is sweeps.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botlib import BotError, UnavailableError
from botserver_meetings.commands import end_process
from botserver_meetings.events import announce
from botserver_meetings.launching import relaunch
from botserver_meetings.notices import move_on
from botserver_meetings.records import Meeting, Move, find_open_meetings, lock_meeting, read_moment
from botserver_meetings.staleness import STOPPED, Ages, Sight, reason_to_give_up
from botserver_meetings.states import TERMINAL, Cause, Status
from botserver_meetings.transcripts import summarize

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botstate import Cache

_log = logging.getLogger(__name__)
_TURN = "meetings:sweep"


async def keep_sweeping(context: Context, cache: Cache) -> None:
    """Sweep again and again, until cancelled. Whatever goes wrong in a round, there is a next one."""
    began = context.clock.monotonic()
    interval = context.settings.sweep_interval
    while True:
        # The pause comes first: bots that could not reach a server while it was down report now.
        await context.clock.sleep(interval)
        try:
            if await _take_turn(context, cache):
                await sweep(context, context.clock.monotonic() - began)
        except Exception:  # noqa: BLE001 - a sweep that fails is no reason to stop sweeping
            _log.exception("a sweep did not come to its end")


async def sweep(context: Context, watched: float) -> None:
    """One round over all open meetings, and over all bots that the runner knows.

    `watched` is for how many seconds bots could reach this server: after a standstill of the server their silence
    counts from its end.
    """

    async def work(session: AsyncSession) -> tuple[datetime, list[Meeting]]:
        return await read_moment(session, context.clock), await find_open_meetings(session)

    now, found = await context.database.read(work)
    for meeting in found:
        try:
            await _look_after(context, meeting, now, watched)
        except BotError as error:
            _log.warning("the sweep left out meeting %d: %s", meeting.id, error)
    await _reap(context)


async def _take_turn(context: Context, cache: Cache) -> bool:
    try:
        return await cache.set(_TURN, b"", ttl=context.settings.sweep_interval * 0.9, if_absent=True)
    except UnavailableError:
        return True


async def _look_after(context: Context, meeting: Meeting, now: datetime, watched: float) -> None:
    sight = await _look(context, meeting)
    reason = reason_to_give_up(context.settings.limits, meeting.status, ages_of(meeting, now, watched), sight)
    if reason:
        await _give_up(context, meeting, sight, watched)
    elif _owes_start(context, meeting, now):
        await relaunch(context, meeting)


def ages_of(meeting: Meeting, now: datetime, watched: float) -> Ages:
    """How long ago the moments of this row are. No silence is longer than the time in which it could be heard."""
    return Ages(
        created=(now - meeting.created_at).total_seconds(),
        started=min((now - meeting.start_time).total_seconds(), watched) if meeting.start_time is not None else None,
        beat=min((now - meeting.beat_at).total_seconds(), watched),
        told_to_leave=(now - meeting.leave_at).total_seconds() if meeting.leave_at is not None else None,
    )


async def _look(context: Context, meeting: Meeting) -> Sight:
    try:
        return await context.runner.look(meeting.container_name)
    except UnavailableError:
        return Sight.UNKNOWN


async def _give_up(context: Context, seen: Meeting, sight: Sight, watched: float) -> None:
    async def work(session: AsyncSession) -> Move | None:
        meeting = await lock_meeting(session, seen.id)
        if meeting is None or meeting.status in TERMINAL:
            return None
        # Decided again on the locked row: a sign of life may have come since.
        now = await read_moment(session, context.clock)
        ages = ages_of(meeting, now, watched)
        reason = reason_to_give_up(context.settings.limits, meeting.status, ages, sight)
        if not reason:
            return None
        data = {**await summarize(session, meeting), **meeting.data}
        if reason == STOPPED:
            target = Status.COMPLETED
            data["completion_reason"] = reason
        else:
            target = Status.FAILED
            data |= {"failure_reason": reason, "failure_stage": context.profile.name_of(meeting.status)}
        return await move_on(context, session, meeting, target, Cause.SWEEP, now, reason=reason, data=data)

    moved = await context.database.write(work)
    if moved is None:
        return
    _log.warning("meeting %d is over without a word of its bot: %s", seen.id, moved.transition.reason)
    await announce(context, moved)
    # Last of all: a manager that is ended before this leaves the process to the next round.
    await end_process(context, seen)


def _owes_start(context: Context, meeting: Meeting, now: datetime) -> bool:
    waited = (now - meeting.launch_claimed_at).total_seconds()
    owed = meeting.status is Status.RESERVED and meeting.launched_at is None and meeting.leave_at is None
    return owed and waited > context.settings.launch_patience


async def _reap(context: Context) -> None:
    """End bots whose meeting is over or gone, and remove what ended ones have left."""
    names = await context.runner.names()
    if not names:
        return

    async def work(session: AsyncSession) -> set[str]:
        return {it.container_name for it in await find_open_meetings(session)}

    wanted = await context.database.read(work)
    for name in names:
        if name in wanted:
            continue
        await context.runner.stop(name, context.settings.limits.stop)
        await context.runner.forget(name)

"""What bots report. Every report may come twice, late, out of order or from an impostor, and none does harm."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from botserver_meetings.credentials import find_meeting_of_bot
from botserver_meetings.events import announce
from botserver_meetings.notices import move_on
from botserver_meetings.records import Meeting, Move, change, read_moment
from botserver_meetings.states import TERMINAL, Cause, Status
from botserver_meetings.tables import commands
from botserver_meetings.transcripts import summarize

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.credentials import Credentials

_log = logging.getLogger(__name__)


class Outcome(Enum):
    """What a report has done."""

    MOVED = "moved"
    IGNORED = "ignored"
    NOT_FOUND = "not found"


@dataclass(frozen=True)
class Report:
    """A bot says where it is. `details` go into the data of the meeting when this ends it."""

    credentials: Credentials
    target: Status
    reason: str = ""
    details: dict[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What the bot is told: `meeting` is as it stands now, also when the report was ignored."""

    outcome: Outcome
    meeting: Meeting | None = None


async def take_report(context: Context, report: Report) -> Answer:
    """Move the meeting of this bot on, if its table allows that; else leave it as it is, which is no error."""

    async def work(session: AsyncSession) -> tuple[Answer, Move | None]:
        meeting = await find_meeting_of_bot(session, report.credentials, lock=True)
        if meeting is None:
            return Answer(Outcome.NOT_FOUND), None
        now = await read_moment(session, context.clock)
        values = await _values_of(context, session, meeting, report, now)
        moved = await move_on(context, session, meeting, report.target, Cause.BOT, now, reason=report.reason, **values)
        if moved is not None:
            return Answer(Outcome.MOVED, moved.meeting), moved
        return Answer(Outcome.IGNORED, meeting), None

    answer, moved = await context.database.write(work)
    if answer.outcome is Outcome.IGNORED and answer.meeting is not None and answer.meeting.status is not report.target:
        _log.warning(
            "meeting %d is %s: a report of %s changes nothing",
            answer.meeting.id,
            answer.meeting.status.value,
            report.target.value,
        )
    await announce(context, moved)
    return answer


async def take_heartbeat(context: Context, credentials: Credentials, applied: int | None = None) -> Answer:
    """A sign of life. `applied` is the number of the last command that the bot has carried out."""

    async def work(session: AsyncSession) -> Answer:
        meeting = await find_meeting_of_bot(session, credentials, lock=True)
        if meeting is None:
            return Answer(Outcome.NOT_FOUND)
        if meeting.status in TERMINAL:
            return Answer(Outcome.IGNORED, meeting)
        now = await read_moment(session, context.clock)
        if applied is not None:
            await _note_applied(session, meeting.id, applied, now)
        return Answer(Outcome.MOVED, await change(session, meeting, now, beat_at=now))

    return await context.database.write(work)


async def _values_of(
    context: Context, session: AsyncSession, meeting: Meeting, report: Report, now: datetime
) -> dict[str, Any]:
    values: dict[str, Any] = {"beat_at": now}
    if report.target is Status.STARTING:
        values["start_time"] = now
    if report.target in TERMINAL:
        found = await summarize(session, meeting)
        values["data"] = {**found, **meeting.data, **(report.details or {})}
        if report.target is Status.FAILED:
            values["data"].setdefault("failure_stage", context.profile.name_of(meeting.status))
    return values


async def _note_applied(session: AsyncSession, meeting_id: int, applied: int, now: datetime) -> None:
    mine = (commands.c.meeting_id == meeting_id) & (commands.c.number <= applied) & commands.c.applied_at.is_(None)
    await session.execute(update(commands).where(mine).values(applied_at=now))

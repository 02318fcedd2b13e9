"""Keeps what bots have heard, and gives it back in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from botserver_meetings.credentials import find_meeting_of_bot, find_session_start
from botserver_meetings.events import announce_segments
from botserver_meetings.records import Meeting, find_meetings, read_moment
from botserver_meetings.segments import Line, Segment, merge, put_in_order
from botserver_meetings.tables import transcriptions
from botserver_meetings.views import naive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.credentials import Credentials
    from botserver_meetings.platforms import MeetingName


@dataclass(frozen=True)
class Transcript:
    """A meeting with what was said in it, in order."""

    meeting: Meeting
    lines: list[Line]


async def take_segments(context: Context, credentials: Credentials, arrived: Sequence[Segment]) -> int | None:
    """Keep these pieces; how many were new or changed, or None when the bot speaks for no meeting.

    Also after the meeting has ended: what a bot still had to say is not lost.
    """
    uid = credentials.connection_id

    async def work(session: AsyncSession) -> tuple[Meeting, datetime, list[Line]] | None:
        meeting = await find_meeting_of_bot(session, credentials, lock=True)
        if meeting is None:
            return None
        now = await read_moment(session, context.clock)
        began = await find_session_start(session, uid)
        known = await _read_known(session, meeting.id, uid, arrived)
        changed = merge(known, arrived)
        await _replace(session, meeting.id, uid, changed, began, now)
        return meeting, now, [Line(it, began, now) for it in changed.values()]

    kept = await context.database.write(work)
    if kept is None:
        return None
    meeting, now, lines = kept
    for final in (False, True):
        chosen = [to_json(it) for it in lines if it.segment.final is final]
        if chosen:
            await announce_segments(context, meeting, chosen, final=final, at=now)
    return len(lines)


async def read_transcript(
    context: Context, user_id: int, name: MeetingName, meeting_id: int | None = None
) -> Transcript | None:
    """The transcript of the user's newest meeting of this name, or of the one with this number."""

    async def work(session: AsyncSession) -> tuple[Meeting, list[Line]] | None:
        found = await find_meetings(
            session,
            user_id,
            name=name,
            meeting_id=meeting_id,
            limit=1,
        )
        return (found[0], await _read_lines(session, found[0].id)) if found else None

    found = await context.database.read(work)
    return Transcript(found[0], put_in_order(found[1])) if found is not None else None


async def summarize(session: AsyncSession, meeting: Meeting) -> dict[str, Any]:
    """Who spoke and in which languages, for the data of a meeting that ends. What nobody knows is left out."""
    query = select(transcriptions.c.speaker, transcriptions.c.language).where(transcriptions.c.meeting_id == meeting.id)
    rows = (await session.execute(query.distinct())).all()
    found = {
        "participants": sorted({row.speaker for row in rows if row.speaker}),
        "languages": sorted({row.language for row in rows if row.language}),
    }
    return {key: value for key, value in found.items() if value}


async def delete_transcript(session: AsyncSession, meeting_id: int) -> None:
    """Remove all that was said."""
    await session.execute(delete(transcriptions).where(transcriptions.c.meeting_id == meeting_id))


def to_json(line: Line) -> dict[str, Any]:
    """A piece as clients read it: seconds from the start of the session, and times on the wall."""
    segment = line.segment
    return {
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "language": segment.language,
        "created_at": naive(line.created_at),
        "speaker": segment.speaker,
        "absolute_start_time": naive(line.session_start + timedelta(seconds=segment.start)),
        "absolute_end_time": naive(line.session_start + timedelta(seconds=segment.end)),
        "completed": segment.final,
    }


async def _read_known(
    session: AsyncSession, meeting_id: int, connection_id: str, arrived: Sequence[Segment]
) -> dict[int, Segment]:
    query = select(transcriptions).where(
        transcriptions.c.meeting_id == meeting_id,
        transcriptions.c.session_uid == connection_id,
        transcriptions.c.key.in_({it.key for it in arrived}),
    )
    rows = (await session.execute(query)).mappings()
    return {row["key"]: _to_segment(row) for row in rows}


async def _replace(
    session: AsyncSession,
    meeting_id: int,
    connection_id: str,
    changed: dict[int, Segment],
    began: datetime,
    now: datetime,
) -> None:
    if not changed:
        return
    mine = (transcriptions.c.meeting_id == meeting_id) & (transcriptions.c.session_uid == connection_id)
    await session.execute(delete(transcriptions).where(mine, transcriptions.c.key.in_(list(changed))))
    rows = [
        {
            "meeting_id": meeting_id,
            "session_uid": connection_id,
            "key": key,
            "start_time": it.start,
            "end_time": it.end,
            "text": it.text,
            "speaker": it.speaker,
            "language": it.language,
            "final": it.final,
            "session_start": began,
            "created_at": now,
        }
        for key, it in changed.items()
    ]
    await session.execute(insert(transcriptions), rows)


async def _read_lines(session: AsyncSession, meeting_id: int) -> list[Line]:
    query = (
        select(transcriptions).where(transcriptions.c.meeting_id == meeting_id).order_by(transcriptions.c.start_time)
    )
    rows = (await session.execute(query)).mappings()
    return [Line(_to_segment(row), row["session_start"], row["created_at"]) for row in rows]


def _to_segment(row: RowMapping) -> Segment:
    return Segment(
        start=row["start_time"],
        end=row["end_time"],
        text=row["text"],
        language=row["language"],
        speaker=row["speaker"],
        final=row["final"],
    )

"""Meetings as values, and how they are read from their table and moved on in it. Each function is part of a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import desc, func, select, update

from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.states import OPEN, Cause, Status, Transition, may_follow
from botserver_meetings.tables import meetings
from botstate.columns import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from botlib import Clock
    from botserver_meetings.states import Table


@dataclass(frozen=True)
class Meeting:
    """One row. `history` holds its transitions as JSON, `bot` what a bot is started with."""

    id: int
    user_id: int
    platform: Platform
    native_meeting_id: str
    meeting_url: str | None
    status: Status
    history: tuple[dict[str, Any], ...]
    bot_container_id: str
    bot: dict[str, Any]
    launch_claimed_at: datetime
    launched_at: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    beat_at: datetime
    leave_at: datetime | None
    command: int
    data: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @property
    def container_name(self) -> str:
        """What its bot runs under: unique, and it tells people which meeting it is."""
        return f"vexa-bot-{self.id}-{self.bot_container_id[:8]}"


@dataclass(frozen=True)
class Move:
    """A step that a row has made, for those who want to be told."""

    meeting: Meeting
    transition: Transition


#: The time by the clock of the server that all managers share: managers whose own clocks differ would otherwise take
#: each other's live bots for dead.
SERVER_MOMENT = func.clock_timestamp(type_=UtcDateTime)
_READ_MOMENT = select(SERVER_MOMENT)


def has_own_clock(session: AsyncSession) -> bool:
    """Whether the database is a server, whose time counts. A file is used by one process, and has the time of that."""
    return session.get_bind().dialect.name == "postgresql"


async def read_moment(session: AsyncSession, clock: Clock) -> datetime:
    """The time, by whichever clock counts."""
    return (await session.execute(_READ_MOMENT)).scalar_one() if has_own_clock(session) else clock.now()


def to_meeting(row: Mapping[Any, Any]) -> Meeting:
    """The value of a row of the table."""
    return Meeting(
        id=row["id"],
        user_id=row["user_id"],
        platform=Platform(row["platform"]),
        native_meeting_id=row["platform_specific_id"],
        meeting_url=row["meeting_url"],
        status=Status(row["status"]),
        history=tuple(row["history"]),
        bot_container_id=row["bot_container_id"],
        bot=dict(row["bot"]),
        launch_claimed_at=row["launch_claimed_at"],
        launched_at=row["launched_at"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        beat_at=row["beat_at"],
        leave_at=row["leave_at"],
        command=row["command"],
        data=dict(row["data"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def find_meetings(
    session: AsyncSession,
    user_id: int,
    *,
    name: MeetingName | None = None,
    meeting_id: int | None = None,
    statuses: Iterable[Status] | None = None,
    lock: bool = False,
    limit: int | None = None,
) -> list[Meeting]:
    """The user's meetings that fit, newest first. With `lock` nobody else changes them before the unit ends."""
    query: Select[Any] = select(meetings).where(meetings.c.user_id == user_id, meetings.c.deleted.is_(False))
    if name is not None:
        query = query.where(
            meetings.c.platform == name.platform.value, meetings.c.platform_specific_id == name.native_id
        )
    if meeting_id is not None:
        query = query.where(meetings.c.id == meeting_id)
    if statuses is not None:
        query = query.where(meetings.c.status.in_([it.value for it in statuses]))
    query = query.order_by(desc(meetings.c.created_at), desc(meetings.c.id)).limit(limit)
    rows = await session.execute(query.with_for_update() if lock else query)
    return [to_meeting(row) for row in rows.mappings()]


async def read_meeting(session: AsyncSession, meeting_id: int) -> Meeting | None:
    """The meeting, of any user."""
    return await _one(session, select(meetings).where(meetings.c.id == meeting_id, meetings.c.deleted.is_(False)))


async def lock_meeting(session: AsyncSession, meeting_id: int) -> Meeting | None:
    """The same, and nobody else changes it before the unit ends."""
    query = select(meetings).where(meetings.c.id == meeting_id, meetings.c.deleted.is_(False))
    return await _one(session, query.with_for_update())


async def find_open_meetings(session: AsyncSession) -> list[Meeting]:
    """All that have not ended, of all users."""
    query = select(meetings).where(meetings.c.status.in_([it.value for it in OPEN])).order_by(meetings.c.id)
    return [to_meeting(row) for row in (await session.execute(query)).mappings()]


async def change(session: AsyncSession, meeting: Meeting, at: datetime, **values: Any) -> Meeting:
    """Write these columns of a locked row, and give the row as it is now."""
    query = update(meetings).where(meetings.c.id == meeting.id).values(updated_at=at, **values).returning(meetings)
    return to_meeting((await session.execute(query)).mappings().one())


async def move(
    session: AsyncSession,
    table: Table,
    meeting: Meeting,
    target: Status,
    cause: Cause,
    at: datetime,
    *,
    reason: str = "",
    **values: Any,
) -> Move | None:
    """Bring a locked row into another state, with the step in its history; None when the table does not allow it.

    An end has an `end_time`, and nobody owes a start or a command to what has ended.
    """
    if not may_follow(table, meeting.status, target, cause):
        return None
    step = Transition(meeting.status, target, at, cause, reason)
    if target not in OPEN:
        values.setdefault("end_time", at)
    changed = await change(
        session, meeting, at, status=target.value, history=[*meeting.history, step.to_json()], **values
    )
    return Move(changed, step)


async def _one(session: AsyncSession, query: Select[Any]) -> Meeting | None:
    row = (await session.execute(query)).mappings().one_or_none()
    return to_meeting(row) if row is not None else None

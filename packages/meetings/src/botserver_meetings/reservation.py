"""A bot is asked for: a place is taken in one short unit of work, and nothing else happens in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, or_, select

from botserver_meetings.credentials import admit_first, create_credentials
from botserver_meetings.errors import FullError, StateConflictError, UnknownError
from botserver_meetings.limits import RETRY_AFTER, is_full
from botserver_meetings.platforms import build_url
from botserver_meetings.records import SERVER_MOMENT, Meeting, find_meetings, has_own_clock, to_meeting
from botserver_meetings.states import COUNTED, OPEN, Status
from botserver_meetings.tables import meetings, users

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.credentials import Credentials
    from botserver_meetings.platforms import MeetingName


@dataclass(frozen=True)
class Wish:
    """What a user asks for. `base_url` is where the bot reaches this server."""

    name: MeetingName
    bot_name: str
    language: str
    task: str
    base_url: str
    passcode: str | None = None


@dataclass(frozen=True)
class Reservation:
    """A place that is taken. The row owes a start, which its maker does next, and the sweep if its maker cannot."""

    meeting: Meeting
    credentials: Credentials


async def reserve(context: Context, user_id: int, wish: Wish) -> Reservation:
    """Take one of the user's places, or `FullError`.

    The row of the user is locked in a statement of its own, before the count: a database that takes its snapshot at the
    start of a statement would otherwise count what was there before it waited for the lock.
    """
    credentials = create_credentials(context.randomness)
    container_id = context.randomness.random_bytes(16).hex()

    async def work(session: AsyncSession) -> Meeting:
        limit = await lock_limit(session, user_id)
        counted, now = await count_places(context, session, user_id)
        if context.profile.refuses_twins:
            await _refuse_twin(session, user_id, wish)
        if is_full(limit, counted):
            raise FullError(limit, RETRY_AFTER)
        return await _insert(session, user_id, wish, credentials, container_id, now)

    return Reservation(await context.database.write(work), credentials)


async def lock_limit(session: AsyncSession, user_id: int) -> int:
    """The limit of the user, whose row nobody else gets before the unit ends."""
    limit: int | None = (await session.execute(_LOCK, {"user_id": user_id})).scalar_one_or_none()
    if limit is None:
        raise UnknownError("User not found")
    return limit


async def count_places(context: Context, session: AsyncSession, user_id: int) -> tuple[int, datetime]:
    """How many places are taken, and the time of counting."""
    if has_own_clock(session):
        counted, now = (await session.execute(_COUNT_BY_ITS_CLOCK, {"user_id": user_id})).one()
        return counted, now
    return (await session.execute(_COUNT, {"user_id": user_id})).scalar_one(), context.clock.now()


# Statements are built once: with bound values alone, building them would take longer than the database does.
_LOCK = select(users.c.max_concurrent_bots).where(users.c.id == bindparam("user_id")).with_for_update()
_COUNT = select(func.count()).where(
    meetings.c.user_id == bindparam("user_id"), or_(*(meetings.c.status == it.value for it in sorted(COUNTED)))
)
_COUNT_BY_ITS_CLOCK = _COUNT.add_columns(SERVER_MOMENT)
_INSERT = insert(meetings).returning(meetings.c.id)


async def _refuse_twin(session: AsyncSession, user_id: int, wish: Wish) -> None:
    twins = await find_meetings(
        session,
        user_id,
        name=wish.name,
        statuses=OPEN - {Status.STOPPING},
        limit=1,
    )
    if twins:
        raise StateConflictError(
            "An active or requested meeting already exists for this platform and meeting ID. "
            f"Platform: {wish.name.platform.value}, Native Meeting ID: {wish.name.native_id}"
        )


async def _insert(
    session: AsyncSession, user_id: int, wish: Wish, credentials: Credentials, container_id: str, now: datetime
) -> Meeting:
    row: dict[str, Any] = {
        "user_id": user_id,
        "platform": wish.name.platform.value,
        "platform_specific_id": wish.name.native_id,
        "meeting_url": build_url(wish.name.platform, wish.name.native_id, wish.passcode),
        "status": Status.RESERVED.value,
        "history": [],
        "bot_container_id": container_id,
        "bot": {
            "bot_name": wish.bot_name,
            "language": wish.language,
            "task": wish.task,
            "passcode": wish.passcode,
            "base_url": wish.base_url,
        },
        "launch_claimed_at": now,
        "launched_at": None,
        "start_time": None,
        "end_time": None,
        "leave_at": None,
        "beat_at": now,
        "command": 0,
        "data": {},
        "deleted": False,
        "created_at": now,
        "updated_at": now,
    }
    number = (await session.execute(_INSERT, row)).scalar_one()
    meeting = to_meeting({**row, "id": number})
    await admit_first(session, meeting.id, credentials, now)
    return meeting

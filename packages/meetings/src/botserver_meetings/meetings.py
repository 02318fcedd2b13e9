"""Meetings as their users read, annotate and delete them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete

from botserver_meetings.commands import end_process
from botserver_meetings.errors import EmptyUpdateError, StateConflictError, UnknownError
from botserver_meetings.records import Meeting, change, find_meetings, read_moment
from botserver_meetings.states import OPEN, TERMINAL
from botserver_meetings.tables import meetings
from botserver_meetings.transcripts import delete_transcript

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.platforms import MeetingName


async def list_meetings(context: Context, user_id: int, limit: int | None = None) -> list[Meeting]:
    """All of the user's, newest first."""

    async def work(session: AsyncSession) -> list[Meeting]:
        return await find_meetings(session, user_id, limit=limit)

    return await context.database.read(work)


async def list_running(context: Context, user_id: int) -> list[Meeting]:
    """Those of the user's whose bot is not over."""

    async def work(session: AsyncSession) -> list[Meeting]:
        return await find_meetings(session, user_id, statuses=OPEN)

    return await context.database.read(work)


async def annotate(context: Context, user_id: int, name: MeetingName, notes: dict[str, Any]) -> Meeting:
    """Write these keys into the data of the newest meeting of this name; its other keys stay."""
    if not notes:
        raise EmptyUpdateError("No data provided for update.")

    async def work(session: AsyncSession) -> Meeting:
        found = await find_meetings(session, user_id, name=name, lock=True, limit=1)
        if not found:
            raise not_found(name)
        now = await read_moment(session, context.clock)
        return await change(session, found[0], now, data={**found[0].data, **notes})

    return await context.database.write(work)


async def delete_meetings(context: Context, user_id: int, name: MeetingName) -> None:
    """Remove all meetings of this name with what was said in them.

    Bots that are not over are ended, where the dialect does not rather refuse by `StateConflictError`.
    """

    async def work(session: AsyncSession) -> list[Meeting]:
        found = await find_meetings(session, user_id, name=name, lock=True)
        if not found:
            raise not_found(name)
        unfinished = [it for it in found if it.status not in TERMINAL]
        if unfinished and context.profile.keeps_deleted:
            raise StateConflictError("Meeting is not finished: stop its bot before you delete it.")
        for meeting in found:
            await _remove(context, session, meeting)
        return unfinished

    for meeting in await context.database.write(work):
        await end_process(context, meeting)


def not_found(name: MeetingName) -> UnknownError:
    """There is no such meeting of this user."""
    return UnknownError(f"Meeting not found for platform {name.platform.value} and ID {name.native_id}")


async def _remove(context: Context, session: AsyncSession, meeting: Meeting) -> None:
    if not context.profile.keeps_deleted:
        await session.execute(delete(meetings).where(meetings.c.id == meeting.id))
        return
    await delete_transcript(session, meeting.id)
    now = await read_moment(session, context.clock)
    await change(
        session, meeting, now, platform_specific_id="", meeting_url=None, bot={}, data={"redacted": True}, deleted=True
    )

"""Starts what was reserved. The row says that a start is owed, so no start is lost and none happens twice."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import update

from botlib import BotError
from botserver_meetings.botconfig import BotConfig
from botserver_meetings.credentials import admit, create_credentials
from botserver_meetings.errors import LaunchError
from botserver_meetings.events import announce
from botserver_meetings.notices import move_on
from botserver_meetings.records import Meeting, change, lock_meeting, read_moment
from botserver_meetings.staleness import Sight
from botserver_meetings.states import Cause, Status
from botserver_meetings.tables import meetings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.credentials import Credentials
    from botserver_meetings.records import Move

_log = logging.getLogger(__name__)


async def launch(context: Context, meeting: Meeting, credentials: Credentials) -> Meeting:
    """Start the bot of a reserved meeting. `LaunchError` when it does not start; then the meeting has failed."""
    try:
        await context.runner.start(meeting.container_name, _config_of(context, meeting, credentials).to_json())
    except BotError as error:
        _log.error("the bot of meeting %d did not start: %s", meeting.id, error)
        await _fail(context, meeting.id)
        raise LaunchError("Failed to start bot container") from error
    return await _note_start(context, meeting)


async def relaunch(context: Context, meeting: Meeting) -> None:
    """Start what is still owed after `launch_patience`, because whoever reserved it was ended before.

    A bot that was started after all goes on; else a new one gets new credentials, and the old ones open nothing.
    """
    if await context.runner.look(meeting.container_name) is Sight.RUNNING:
        await _note_start(context, meeting)
        return
    credentials = create_credentials(context.randomness)

    async def claim(session: AsyncSession) -> Meeting | None:
        now = await read_moment(session, context.clock)
        due = now - timedelta(seconds=context.settings.launch_patience)
        found = await lock_meeting(session, meeting.id)
        if found is None or not _is_owed(found) or found.launch_claimed_at > due:
            return None
        await admit(session, meeting.id, credentials, now)
        return await change(session, found, now, launch_claimed_at=now)

    claimed = await context.database.write(claim)
    if claimed is not None:
        _log.warning("meeting %d was reserved and its bot not started: starting it now", meeting.id)
        await launch(context, claimed, credentials)


def _is_owed(meeting: Meeting) -> bool:
    return meeting.status is Status.RESERVED and meeting.launched_at is None and meeting.leave_at is None


def _config_of(context: Context, meeting: Meeting, credentials: Credentials) -> BotConfig:
    return BotConfig(
        meeting_id=meeting.id,
        platform=meeting.platform,
        native_meeting_id=meeting.native_meeting_id,
        meeting_url=meeting.meeting_url,
        bot_name=meeting.bot["bot_name"],
        token=credentials.token,
        connection_id=credentials.connection_id,
        container_name=meeting.container_name,
        callback=context.profile.callback,
        base_url=meeting.bot["base_url"],
        language=meeting.bot["language"],
        task=meeting.bot["task"],
        passcode=meeting.bot["passcode"],
        redis_url=context.settings.redis_url.reveal() or None,
    )


async def _note_start(context: Context, meeting: Meeting) -> Meeting:
    # The bot may have reported more than once by now, so only this one column is written.
    async def work(session: AsyncSession) -> None:
        now = await read_moment(session, context.clock)
        query = update(meetings).where(meetings.c.id == meeting.id, meetings.c.launched_at.is_(None))
        await session.execute(query.values(launched_at=now))

    await context.database.write(work)
    return meeting


async def _fail(context: Context, meeting_id: int) -> None:
    async def work(session: AsyncSession) -> Move | None:
        meeting = await lock_meeting(session, meeting_id)
        if meeting is None:
            return None
        now = await read_moment(session, context.clock)
        data = {
            **meeting.data,
            "failure_reason": "start_failed",
            "failure_stage": context.profile.name_of(meeting.status),
        }
        return await move_on(
            context, session, meeting, Status.FAILED, Cause.LAUNCH, now, reason="start_failed", data=data
        )

    await announce(context, await context.database.write(work))

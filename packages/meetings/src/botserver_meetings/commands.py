"""Tells bots what to do. A command is a row; a message only wakes the bot that is to read it."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from botlib import UnavailableError
from botserver_meetings.credentials import find_connection_id, find_meeting_of_bot
from botserver_meetings.errors import StateConflictError, UnknownError
from botserver_meetings.events import announce, command_channel, tell
from botserver_meetings.notices import move_on
from botserver_meetings.records import Meeting, Move, change, find_meetings, read_moment
from botserver_meetings.staleness import STOPPED
from botserver_meetings.states import OPEN, TERMINAL, Cause, Status
from botserver_meetings.tables import commands

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.credentials import Credentials
    from botserver_meetings.platforms import MeetingName

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Command:
    """What a bot is to do, once: it skips a number that it has carried out."""

    meeting_id: int
    number: int
    action: str
    language: str | None = None
    task: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As bots read it; a bot of another maker looks at `action` and the values, and leaves the rest."""
        values = {"language": self.language, "task": self.task} if self.action == "reconfigure" else {}
        return {"action": self.action, **values, "meeting_id": self.meeting_id, "command": self.number}


class Stop(Enum):
    """What became of the wish to stop a bot."""

    ACCEPTED = "accepted"
    ALREADY_OVER = "already over"
    FINALIZED = "finalized"


async def reconfigure(
    context: Context,
    user_id: int,
    name: MeetingName,
    *,
    language: str | None,
    task: str | None,
) -> None:
    """Let the newest active bot of this meeting listen for another language, or do another task."""

    async def work(session: AsyncSession) -> tuple[Command, str]:
        meeting = await _find_active(context, session, user_id, name)
        uid = await find_connection_id(session, meeting.id)
        if uid is None:
            raise StateConflictError("Meeting is active but session information is missing")
        now = await read_moment(session, context.clock)
        wanted = {key: value for key, value in (("language", language), ("task", task)) if value is not None}
        changed = await change(session, meeting, now, bot={**meeting.bot, **wanted}, command=meeting.command + 1)
        return await _write(session, changed, now, "reconfigure", language, task), uid

    await _send(context, *await context.database.write(work))


async def stop(context: Context, user_id: int, name: MeetingName) -> Stop:
    """End the newest bot of this meeting that is not over; its process is ended if it does not leave in time."""

    async def work(session: AsyncSession) -> tuple[Stop, Meeting, Command | None, str | None, Move | None]:
        meeting = await _find_to_stop(context, session, user_id, name)
        if meeting.status in TERMINAL:
            return Stop.ALREADY_OVER, meeting, None, None, None
        now = await read_moment(session, context.clock)
        if meeting.leave_at is not None:
            return Stop.ACCEPTED, meeting, None, None, None
        uid = await find_connection_id(session, meeting.id)
        told = await change(session, meeting, now, leave_at=now, command=meeting.command + 1)
        command = await _write(session, told, now, "leave")
        moved = await _move_at_stop(context, session, told, now)
        outcome = Stop.FINALIZED if moved is not None and moved.meeting.status in TERMINAL else Stop.ACCEPTED
        return outcome, told, command, uid, moved

    outcome, meeting, command, uid, moved = await context.database.write(work)
    await announce(context, moved)
    if command is not None and uid is not None:
        await _send(context, command, uid)
    if moved is not None and moved.meeting.status in TERMINAL:
        await end_process(context, meeting)
    return outcome


async def list_commands(context: Context, credentials: Credentials, after: int) -> Sequence[Command] | None:
    """What this bot has not carried out yet, in order, or None when it speaks for no meeting any more."""

    async def work(session: AsyncSession) -> list[Command] | None:
        meeting = await find_meeting_of_bot(session, credentials)
        if meeting is None or meeting.status in TERMINAL:
            return None
        query = (
            select(commands)
            .where(commands.c.meeting_id == meeting.id, commands.c.number > after)
            .order_by(commands.c.number)
        )
        rows = (await session.execute(query)).mappings()
        return [Command(meeting.id, row["number"], row["action"], row["language"], row["task"]) for row in rows]

    return await context.database.read(work)


async def wait_for_commands(
    context: Context, credentials: Credentials, after: int, seconds: float
) -> Sequence[Command] | None:
    """The same; when there is none it waits for one, up to so many seconds, but at most `poll` of the settings."""
    found = await list_commands(context, credentials, after)
    if found is None or found or not seconds:
        return found
    async with context.channels.subscribe(command_channel(credentials.connection_id)) as messages:
        found = await list_commands(context, credentials, after)
        if found is None or found:
            return found
        await _first_of(anext(messages), context.clock.sleep(min(seconds, context.settings.poll)))
    return await list_commands(context, credentials, after)


async def end_process(context: Context, meeting: Meeting) -> None:
    """End what the bot of this meeting runs in, without waiting for it; what cannot be reached is left to the sweep."""
    try:
        await context.runner.stop(meeting.container_name, grace=0.0)
    except UnavailableError as error:
        _log.warning("the process of meeting %d is left to the sweep: %s", meeting.id, error)


async def _find_active(context: Context, session: AsyncSession, user_id: int, name: MeetingName) -> Meeting:
    found = await find_meetings(session, user_id, name=name, statuses={Status.ACTIVE}, lock=True, limit=1)
    if found:
        return found[0]
    others = await find_meetings(session, user_id, name=name, limit=1)
    if others and context.profile.stop_finalizes:
        status = context.profile.name_of(others[0].status)
        raise StateConflictError(f"Meeting found but is not active (status: '{status}'). Cannot reconfigure.")
    raise _no_active_meeting(name)


async def _find_to_stop(context: Context, session: AsyncSession, user_id: int, name: MeetingName) -> Meeting:
    # Several bots may be in one meeting: the next stop is for one that was not told yet.
    found = await find_meetings(session, user_id, name=name, statuses=OPEN, lock=True)
    found.sort(key=lambda it: it.leave_at is not None)
    if not found and context.profile.stop_finalizes:
        found = await find_meetings(session, user_id, name=name, limit=1)
    if found:
        return found[0]
    if context.profile.stop_finalizes:
        raise UnknownError("No meeting found to stop.")
    raise _no_active_meeting(name)


async def _move_at_stop(context: Context, session: AsyncSession, meeting: Meeting, now: datetime) -> Move | None:
    # A bot that has not reported yet is not waited for: its place is free at once, and its first report is its last.
    early = {Status.RESERVED}
    if context.profile.stop_finalizes:
        early |= {Status.STARTING, Status.AWAITING_ADMISSION}
    if meeting.status in early:
        data = {**meeting.data, "completion_reason": STOPPED}
        return await move_on(context, session, meeting, Status.COMPLETED, Cause.USER, now, reason=STOPPED, data=data)
    return await move_on(context, session, meeting, Status.STOPPING, Cause.USER, now, reason=STOPPED)


async def _write(
    session: AsyncSession,
    meeting: Meeting,
    now: datetime,
    action: str,
    language: str | None = None,
    task: str | None = None,
) -> Command:
    command = Command(meeting.id, meeting.command, action, language, task)
    row = {
        "meeting_id": meeting.id,
        "number": command.number,
        "action": action,
        "language": language,
        "task": task,
        "created_at": now,
    }
    await session.execute(insert(commands).values(row))
    return command


async def _send(context: Context, command: Command, uid: str) -> None:
    message = json.dumps(command.to_json()).encode()
    await tell(context, command_channel(uid), message)
    for channel in (command_channel(uid), f"bot_commands:meeting:{command.meeting_id}"):
        await context.wire.publish(channel, message)


def _no_active_meeting(name: MeetingName) -> UnknownError:
    return UnknownError(f"No active meeting found for platform {name.platform.value} and meeting ID {name.native_id}")


async def _first_of(*waits: Coroutine[Any, Any, object] | Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(it) for it in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Tells those who listen what happened to a meeting. Whoever misses a message finds the same in the table."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from botlib import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from botserver_meetings.context import Context
    from botserver_meetings.platforms import Platform
    from botserver_meetings.records import Meeting, Move

_log = logging.getLogger(__name__)


def live_channel(user_id: int, platform: Platform, native_meeting_id: str) -> str:
    """Where all that happens to a user's meetings of this name is told within the server."""
    return f"meetings:{user_id}:{platform.value}:{native_meeting_id}"


def user_channel(user_id: int) -> str:
    """Where it is told that something has happened to some meeting of this user."""
    return f"meetings:{user_id}"


def command_channel(connection_id: str) -> str:
    """Where a bot is woken when there is a command for it; a name of the contract."""
    return f"bot_commands:{connection_id}"


def frame(kind: str, meeting: Meeting, payload: dict[str, Any], at: datetime) -> dict[str, Any]:
    """An event as clients of the WebSocket get it."""
    name = {"platform": meeting.platform.value, "native_id": meeting.native_meeting_id}
    return {"type": kind, "meeting": name, "payload": payload, "ts": at.isoformat()}


async def announce(context: Context, move: Move | None) -> None:
    """Tell a step that a meeting has made, once it is committed."""
    if move is None:
        return
    meeting = move.meeting
    event = frame("meeting.status", meeting, {"status": context.profile.name_of(meeting.status)}, move.transition.at)
    await _publish(
        context,
        meeting,
        event,
        f"bm:meeting:{meeting.user_id}:{meeting.platform.value}:{meeting.native_meeting_id}:status",
        f"bm:meeting:{meeting.id}:status",
    )


async def announce_segments(
    context: Context, meeting: Meeting, segments: Sequence[dict[str, Any]], *, final: bool, at: datetime
) -> None:
    """Tell pieces of a transcript, all of them final or all of them mutable."""
    kind = "finalized" if final else "mutable"
    event = frame(f"transcript.{kind}", meeting, {"segments": list(segments)}, at)
    name = f"tc:meeting:{meeting.user_id}:{meeting.platform.value}:{meeting.native_meeting_id}:{kind}"
    await _publish(context, meeting, event, name)


async def _publish(context: Context, meeting: Meeting, event: dict[str, Any], *names: str) -> None:
    message = json.dumps(event).encode()
    await tell(context, live_channel(meeting.user_id, meeting.platform, meeting.native_meeting_id), message)
    await tell(context, user_channel(meeting.user_id), message)
    for name in names:
        await context.wire.publish(name, message)


async def tell(context: Context, channel: str, message: bytes) -> None:
    """Publish within the server; when that is not possible now, listeners will look by themselves."""
    try:
        await context.channels.publish(channel, message)
    except UnavailableError as error:
        _log.warning("%s was not told: %s", channel, error)

"""What clients see of users, tokens, meetings and bots. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_meetings.states import Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from botserver_meetings.accounts import Token, Usage, User
    from botserver_meetings.profiles import Profile
    from botserver_meetings.records import Meeting


def view_meeting(profile: Profile, meeting: Meeting) -> dict[str, Any]:
    """A meeting. Its history stands in its data, where v0.6 has it."""
    return {
        "id": meeting.id,
        "user_id": meeting.user_id,
        "platform": meeting.platform.value,
        "native_meeting_id": meeting.native_meeting_id,
        "constructed_meeting_url": meeting.meeting_url,
        "status": profile.name_of(meeting.status),
        "bot_container_id": meeting.bot_container_id,
        "start_time": naive(meeting.start_time),
        "end_time": naive(meeting.end_time),
        "data": {**meeting.data, "status_transition": view_history(profile, meeting.history)},
        "created_at": naive(meeting.created_at),
        "updated_at": naive(meeting.updated_at),
    }


def view_history(profile: Profile, history: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every step, with the names of this dialect."""
    return [
        {**step, "from": profile.name_of(Status(step["from"])), "to": profile.name_of(Status(step["to"]))}
        for step in history
    ]


def view_running_bot(profile: Profile, meeting: Meeting) -> dict[str, Any]:
    """A bot that is not over. `status` is that of what it runs in."""
    return {
        "container_id": meeting.bot_container_id,
        "container_name": meeting.container_name,
        "platform": meeting.platform.value,
        "native_meeting_id": meeting.native_meeting_id,
        "status": "created" if meeting.status is Status.RESERVED else "running",
        "created_at": naive(meeting.created_at),
        "labels": {"vexa.user_id": str(meeting.user_id)},
        "meeting_id_from_name": str(meeting.id),
        "meeting_id": meeting.id,
        "meeting_status": profile.name_of(meeting.status),
    }


def view_user(user: User) -> dict[str, Any]:
    """A user without tokens."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "image_url": user.image_url,
        "max_concurrent_bots": user.max_concurrent_bots,
        "data": user.data,
        "created_at": naive(user.created_at),
    }


def view_token(token: Token) -> dict[str, Any]:
    """A token: whole when it was just made, masked otherwise."""
    return {
        "id": token.id,
        "user_id": token.user_id,
        "token": token.token,
        "created_at": naive(token.created_at),
        "expires_at": naive(token.expires_at),
    }


def view_usage(profile: Profile, usage: Usage) -> dict[str, Any]:
    """A user with the number of meetings in each state."""
    by_status = {profile.name_of(status): number for status, number in sorted(usage.counts.items())}
    return {**view_user(usage.user), "meetings": sum(by_status.values()), "meetings_by_status": by_status}


def naive(at: datetime | None) -> str | None:
    """A time as this API writes it: UTC, without an offset."""
    return at.replace(tzinfo=None).isoformat() if at is not None else None

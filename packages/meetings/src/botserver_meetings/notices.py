"""Webhooks: users are told of their bots by signed requests, which are kept until they are delivered.

A notice is written in the unit of work of the step that it tells, so there is none without the other.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, update

from botlib import InvalidError, NotFoundError
from botserver_meetings.accounts import User, get_user
from botserver_meetings.records import move
from botserver_meetings.states import TERMINAL
from botserver_meetings.tables import users
from botserver_meetings.views import naive, view_meeting
from botstate.guarded.addresses import is_public, parse_allowed
from botstate.guarded.targets import parse_target

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.profiles import Profile
    from botserver_meetings.records import Meeting, Move
    from botserver_meetings.states import Cause, Status
    from botstate.webhooks.webhooks import Webhooks

_NEWEST = 20  # notices that a user sees


async def move_on(
    context: Context,
    session: AsyncSession,
    meeting: Meeting,
    target: Status,
    cause: Cause,
    at: datetime,
    *,
    reason: str = "",
    **values: Any,
) -> Move | None:
    """`records.move` by the table of this dialect, with the notice of it in the same unit of work."""
    moved = await move(session, context.profile.table, meeting, target, cause, at, reason=reason, **values)
    if moved is not None:
        await _leave_notice(context.webhooks, context.profile, session, moved)
    return moved


async def set_webhook(context: Context, user_id: int, url: str) -> tuple[User, str]:
    """Where this user is told from now on, and the secret that signs it, which is shown this once.

    The same address again changes nothing, and shows nothing. `InvalidError` for an address that is not public.
    """
    _check_address(url, context.allowed_hosts)
    user = await get_user(context, user_id=user_id)
    if user.webhook_id is not None and user.data.get("webhook_url") == url:
        return await _note_webhook(context, user, url, user.webhook_id), ""
    webhook, secret = await context.webhooks.subscribe(_owner(user_id), url)
    changed = await _note_webhook(context, user, url, str(webhook.id))
    if user.webhook_id is not None:
        await _remove(context.webhooks, user)
    return changed, secret.reveal()


async def describe_webhook(context: Context, user: User) -> dict[str, Any]:
    """Where the user is told, whether that works, and what came of the newest notices."""
    shown: dict[str, Any] = {"webhook_url": user.data.get("webhook_url"), "failures": 0, "disabled": "", "notices": []}
    if user.webhook_id is None:
        return shown
    owner, number = _owner(user.id), UUID(user.webhook_id)
    webhook = await context.webhooks.get(owner, number)
    shown |= {"failures": webhook.failures, "disabled": webhook.disabled}
    for message in await context.webhooks.messages(owner, number, count=_NEWEST):
        tries = await context.webhooks.deliveries(owner, number, message.id)
        shown["notices"].append(
            {
                "id": str(message.id),
                "state": message.state,
                "created_at": naive(message.created),
                "attempts": [
                    {"at": naive(it.started), "outcome": it.outcome, "detail": it.detail, "next": naive(it.next_try)}
                    for it in tries
                ],
            }
        )
    return shown


def view_notice(profile: Profile, moved: Move) -> dict[str, Any] | None:
    """What is sent about a step: the first dialect tells ends only, by the meeting as it is; v0.6 tells every step."""
    meeting = view_meeting(profile, moved.meeting)
    if not profile.tells_every_step:
        return meeting if moved.meeting.status in TERMINAL else None
    step = moved.transition
    return {
        "event_type": "meeting.status_change",
        "meeting": meeting,
        "status_change": {
            "from": profile.name_of(step.start),
            "to": profile.name_of(step.end),
            "reason": step.reason or None,
            "timestamp": naive(step.at),
            "transition_source": step.cause.value,
        },
    }


async def _leave_notice(webhooks: Webhooks, profile: Profile, session: AsyncSession, moved: Move) -> None:
    notice = view_notice(profile, moved)
    if notice is None:
        return
    query = select(users.c.webhook_id).where(users.c.id == moved.meeting.user_id)
    webhook_id = (await session.execute(query)).scalar_one_or_none()
    if webhook_id is not None:
        await webhooks.send(session, UUID(webhook_id), json.dumps(notice))


async def _note_webhook(context: Context, user: User, url: str, webhook_id: str | None) -> User:
    async def work(session: AsyncSession) -> None:
        query = select(users.c.data).where(users.c.id == user.id).with_for_update()
        data = (await session.execute(query)).scalar_one()
        values = {"data": {**data, "webhook_url": url}, "webhook_id": webhook_id}
        await session.execute(update(users).where(users.c.id == user.id).values(values))

    await context.database.write(work)
    return await get_user(context, user_id=user.id)


async def _remove(webhooks: Webhooks, user: User) -> None:
    assert user.webhook_id is not None
    try:
        await webhooks.remove(_owner(user.id), UUID(user.webhook_id))
    except NotFoundError:
        return  # another request was faster


def _check_address(url: str, allowed: tuple[str, ...]) -> None:
    """Refuse at once what the guard of outgoing requests would refuse later: an address of a private network."""
    _, origin = parse_target(url, range(65_536))
    permitted = parse_allowed(allowed)
    try:
        address = ip_address(origin.host)
    except ValueError:
        is_good = origin.host in permitted.hosts or origin.host.rpartition(".")[2] != "localhost"
    else:
        is_good = is_public(address) or permitted.covers(address)
    if not is_good:
        raise InvalidError("The webhook is not at a public address.")


def _owner(user_id: int) -> str:
    return f"meetings:{user_id}"

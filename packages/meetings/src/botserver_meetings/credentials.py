"""Who may speak for a meeting: the bot with its connection id, which shuts out late bots, and its token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, insert, select

from botserver_meetings.errors import KeyRefusedError
from botserver_meetings.records import lock_meeting, read_meeting
from botserver_meetings.tables import sessions
from botserver_meetings.tokens import create_token, hash_token, is_token

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from botlib import Randomness
    from botserver_meetings.records import Meeting


_ADMIT = insert(sessions)


@dataclass(frozen=True)
class Credentials:
    """What a bot proves itself with. The token is known to the bot and to whoever starts it, and is stored nowhere."""

    connection_id: str
    token: str


def create_credentials(randomness: Randomness) -> Credentials:
    """A new connection id, which nobody can guess, and a new token."""
    return Credentials(str(UUID(bytes=randomness.random_bytes(16), version=4)), create_token(randomness))


async def admit(session: AsyncSession, meeting_id: int, credentials: Credentials, now: datetime) -> None:
    """Let a bot with these credentials speak for the meeting, and no other one any more."""
    await session.execute(delete(sessions).where(sessions.c.meeting_id == meeting_id))
    await admit_first(session, meeting_id, credentials, now)


async def admit_first(session: AsyncSession, meeting_id: int, credentials: Credentials, now: datetime) -> None:
    """The same for a meeting that had no bot before."""
    row = {
        "meeting_id": meeting_id,
        "session_uid": credentials.connection_id,
        "token_hash": hash_token(credentials.token),
        "session_start_time": now,
    }
    await session.execute(_ADMIT, row)


async def find_meeting_of_bot(session: AsyncSession, credentials: Credentials, *, lock: bool = False) -> Meeting | None:
    """The meeting that this bot speaks for. None for a connection that is not known, or no longer.

    `KeyRefusedError` for one that is known, with another token than the bot was given.
    """
    query = select(sessions.c.meeting_id, sessions.c.token_hash).where(
        sessions.c.session_uid == credentials.connection_id
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    if not is_token(credentials.token, row.token_hash):
        raise KeyRefusedError("Invalid bot token")
    return await (lock_meeting if lock else read_meeting)(session, row.meeting_id)


async def find_connection_id(session: AsyncSession, meeting_id: int) -> str | None:
    """The connection id of the bot that speaks for the meeting."""
    query = select(sessions.c.session_uid).where(sessions.c.meeting_id == meeting_id).order_by(sessions.c.id).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


async def find_session_start(session: AsyncSession, connection_id: str) -> datetime:
    """When the session of this bot began: its segments count from there."""
    query = select(sessions.c.session_start_time).where(sessions.c.session_uid == connection_id)
    began: datetime = (await session.execute(query)).scalar_one()
    return began

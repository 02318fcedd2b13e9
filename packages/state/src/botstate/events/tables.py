"""Who follows recorded events: the table, and the parts of units of work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, String, Table, delete, insert, select

from botlib import InvalidError
from botstate.metadata import metadata

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_LONGEST_NAME = 100

followers = Table(
    "event_follower",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("name", String(_LONGEST_NAME), primary_key=True),
)


async def find_followers(session: AsyncSession, topic: str) -> list[str]:
    """The names of all that follow."""
    query = select(followers.c.name).where(followers.c.topic == topic).order_by(followers.c.name)
    return list((await session.execute(query)).scalars())


async def add_follower(session: AsyncSession, topic: str, name: str) -> None:
    """Remember that this one follows, if that is not known. `InvalidError` for a name that does not fit."""
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidError(f"The name of a follower has 1 to {_LONGEST_NAME} characters.")
    if name not in await find_followers(session, topic):
        await session.execute(insert(followers).values(topic=topic, name=name))


async def remove_follower(session: AsyncSession, topic: str, name: str) -> None:
    """Forget it."""
    await session.execute(delete(followers).where(followers.c.topic == topic, followers.c.name == name))

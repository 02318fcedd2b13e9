"""Users and their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from botserver_meetings.errors import EmptyUpdateError, UnknownError
from botserver_meetings.limits import DEFAULT_LIMIT
from botserver_meetings.records import read_moment
from botserver_meetings.states import Status
from botserver_meetings.tables import meetings, tokens, users
from botserver_meetings.tokens import create_token, hash_token, is_token, mask_token

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context


@dataclass(frozen=True)
class User:
    """One who may have bots."""

    id: int
    email: str
    name: str | None
    image_url: str | None
    max_concurrent_bots: int
    data: dict[str, Any]
    created_at: datetime
    webhook_id: str | None


@dataclass(frozen=True)
class Token:
    """A key to the API. `token` is whole only in the answer to its creation, else masked."""

    id: int
    user_id: int
    token: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class Usage:
    """A user with the meetings of that user, counted by state."""

    user: User
    counts: dict[Status, int]


async def create_user(
    context: Context, email: str, *, name: str | None, image_url: str | None, limit: int | None, data: dict[str, Any]
) -> tuple[User, bool]:
    """The user of this address, and whether it is new. An existing one stays as it is, but takes over a given limit."""

    async def work(session: AsyncSession) -> tuple[User, bool]:
        found = await _find_user(session, users.c.email == email, lock=True)
        if found is None:
            row = {
                "email": email,
                "name": name,
                "image_url": image_url,
                "max_concurrent_bots": DEFAULT_LIMIT if limit is None else limit,
                "data": data,
                "created_at": await read_moment(session, context.clock),
            }
            created = await session.execute(insert(users).values(row).returning(users))
            return _to_user(created.mappings().one()), True
        if limit is None or limit == found.max_concurrent_bots:
            return found, False
        return await _update_user(session, found.id, {"max_concurrent_bots": limit}), False

    return await context.database.write(work)


async def list_users(context: Context, skip: int, limit: int) -> list[User]:
    """Users in the order in which they were created."""

    async def work(session: AsyncSession) -> list[User]:
        rows = await session.execute(select(users).order_by(users.c.id).offset(skip).limit(limit))
        return [_to_user(row) for row in rows.mappings()]

    return await context.database.read(work)


async def get_user(context: Context, *, user_id: int | None = None, email: str | None = None) -> User:
    """The user of this number, or this address."""

    async def work(session: AsyncSession) -> User:
        condition = users.c.id == user_id if user_id is not None else users.c.email == email
        return _known(await _find_user(session, condition))

    return await context.database.read(work)


async def change_user(context: Context, user_id: int, values: dict[str, Any]) -> User:
    """Write these columns. The address of a user does not change; `data` is replaced as a whole."""
    if "email" in values:
        raise EmptyUpdateError("Cannot change user email via this endpoint.")

    async def work(session: AsyncSession) -> User:
        user = _known(await _find_user(session, users.c.id == user_id, lock=True))
        return await _update_user(session, user_id, values) if values else user

    return await context.database.write(work)


async def issue_token(context: Context, user_id: int, lifetime: float | None = None) -> Token:
    """A new token, the only time that it is told. It is good for so many seconds; by default as the operator says."""
    token = create_token(context.randomness)

    async def work(session: AsyncSession) -> Token:
        _known(await _find_user(session, users.c.id == user_id))
        now = await read_moment(session, context.clock)
        seconds = context.settings.token_lifetime if lifetime is None else lifetime
        expires_at = now + timedelta(seconds=seconds) if seconds else None
        row = {
            "user_id": user_id,
            "token_hash": hash_token(token),
            "shown": mask_token(token),
            "created_at": now,
            "expires_at": expires_at,
        }
        number = (await session.execute(insert(tokens).values(row).returning(tokens.c.id))).scalar_one()
        return Token(number, user_id, token, now, expires_at)

    return await context.database.write(work)


async def list_tokens(context: Context, user_id: int) -> list[Token]:
    """The tokens of a user, masked."""

    async def work(session: AsyncSession) -> list[Token]:
        rows = await session.execute(select(tokens).where(tokens.c.user_id == user_id).order_by(tokens.c.id))
        return [
            Token(row["id"], user_id, row["shown"], row["created_at"], row["expires_at"]) for row in rows.mappings()
        ]

    return await context.database.read(work)


async def revoke_token(context: Context, token_id: int) -> None:
    """From now on this token opens nothing."""

    async def work(session: AsyncSession) -> None:
        removed = await session.execute(delete(tokens).where(tokens.c.id == token_id).returning(tokens.c.id))
        if removed.scalar_one_or_none() is None:
            raise UnknownError("Token not found")

    await context.database.write(work)


async def forget_token(context: Context, token: str) -> None:
    """The same for whoever has the token itself; one that is not known is no error."""

    async def work(session: AsyncSession) -> None:
        await session.execute(delete(tokens).where(tokens.c.token_hash == hash_token(token)))

    await context.database.write(work)


async def find_owner(context: Context, token: str) -> User | None:
    """Whose token this is, or None for one that is not known, was revoked, or is too old."""

    async def work(session: AsyncSession) -> User | None:
        query = (
            select(users, tokens.c.token_hash, tokens.c.expires_at)
            .join(tokens, tokens.c.user_id == users.c.id)
            .where(tokens.c.token_hash == hash_token(token))
        )
        row = (await session.execute(query)).mappings().one_or_none()
        if row is None or not is_token(token, row["token_hash"]):
            return None
        if row["expires_at"] is not None and row["expires_at"] <= await read_moment(session, context.clock):
            return None
        return _to_user(row)

    return await context.database.read(work)


async def count_meetings(context: Context, skip: int, limit: int) -> tuple[int, list[Usage]]:
    """How many users there are, and these of them with the number of their meetings."""

    async def work(session: AsyncSession) -> tuple[int, list[Usage]]:
        total = (await session.execute(select(func.count()).select_from(users))).scalar_one()
        page = await session.execute(select(users).order_by(users.c.id).offset(skip).limit(limit))
        found = [_to_user(row) for row in page.mappings()]
        counts: dict[int, dict[Status, int]] = {it.id: {} for it in found}
        query = (
            select(meetings.c.user_id, meetings.c.status, func.count())
            .where(meetings.c.user_id.in_(list(counts)), meetings.c.deleted.is_(False))
            .group_by(meetings.c.user_id, meetings.c.status)
        )
        for user_id, status, number in await session.execute(query):
            counts[user_id][Status(status)] = number
        return total, [Usage(it, counts[it.id]) for it in found]

    return await context.database.read(work)


async def _find_user(session: AsyncSession, condition: Any, *, lock: bool = False) -> User | None:
    query = select(users).where(condition)
    row = (await session.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return _to_user(row) if row is not None else None


async def _update_user(session: AsyncSession, user_id: int, values: dict[str, Any]) -> User:
    changed = await session.execute(update(users).where(users.c.id == user_id).values(values).returning(users))
    return _to_user(changed.mappings().one())


def _known(user: User | None) -> User:
    if user is None:
        raise UnknownError("User not found")
    return user


def _to_user(row: RowMapping) -> User:
    return User(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        image_url=row["image_url"],
        max_concurrent_bots=row["max_concurrent_bots"],
        data=dict(row["data"]),
        created_at=row["created_at"],
        webhook_id=row["webhook_id"],
    )

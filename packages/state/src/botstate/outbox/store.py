"""The outbox in the database: each function is a part of a unit of work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from botlib import ConflictError, InvalidError, NotFoundError
from botstate.outbox.messages import Delivery, Message, StoredMessage
from botstate.outbox.tables import deliveries, messages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncSession

    from botstate.outbox.messages import MessageState, Outcome

LARGEST_PAYLOAD = 1_000_000  # bytes of JSON: larger things are stored elsewhere, and named here
_LONGEST_NAME = 200
_LONGEST_DETAIL = 1_000
_FORGOTTEN_AT_ONCE = 500


class Claim(NamedTuple):
    """The right to deliver a message until `until`."""

    message: Message
    token: UUID
    worker: str
    since: datetime
    until: datetime


class Verdict(NamedTuple):
    """How an attempt ended. `next_try` is None after the last one."""

    outcome: Outcome
    detail: str = ""
    next_try: datetime | None = None


async def insert_message(session: AsyncSession, message: Message, due: datetime) -> None:
    """Put it in. `InvalidError` when it does not fit."""
    if not 0 < len(message.kind) <= _LONGEST_NAME or len(message.key) > _LONGEST_NAME:
        raise InvalidError(f"Kind and key of a message are at most {_LONGEST_NAME} characters, and there is a kind.")
    try:
        size = len(json.dumps(message.payload, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidError(f"The payload of a message is no JSON: {error}.") from None
    if size > LARGEST_PAYLOAD:
        raise InvalidError(
            f"The payload of a message is larger than {LARGEST_PAYLOAD} bytes.",
            remedy="Store it elsewhere and enqueue its name.",
        )
    await session.execute(
        insert(messages).values(
            id=message.id,
            kind=message.kind,
            key=message.key,
            payload=dict(message.payload),
            created=message.created,
            state="pending",
            attempts=0,
            due=due,
        )
    )


async def any_due(session: AsyncSession, kinds: Collection[str], now: datetime) -> bool:
    """Whether `claim_due` would find something."""
    return (await session.execute(_due(kinds, now).with_only_columns(messages.c.id).limit(1))).first() is not None


async def claim_due(
    session: AsyncSession,
    kinds: Collection[str],
    *,
    now: datetime,
    lease: timedelta,
    count: int,
    worker: str,
    token: UUID,
) -> list[Claim]:
    """Take up to `count` messages whose time has come. Nobody else gets them until the lease ends.

    One that was claimed before and never finished is one whose process died: that attempt is noted as lost.
    """
    rows = (await session.execute(_due(kinds, now).limit(count).with_for_update(skip_locked=True))).all()
    for row in rows:
        if row.claim is not None:
            verdict = Verdict("lost", "Its process ended without a word.", now)
            await _note(session, _claim(row, row.claim, row.worker, row.claimed, row.due, row.attempts), verdict, now)
    if rows:
        await session.execute(
            update(messages)
            .where(messages.c.id.in_([row.id for row in rows]))
            .values(claim=token, worker=worker, claimed=now, due=now + lease, attempts=messages.c.attempts + 1)
        )
    return [_claim(row, token, worker, now, now + lease, row.attempts + 1) for row in rows]


async def finish(session: AsyncSession, claim: Claim, verdict: Verdict, now: datetime) -> bool:
    """Note how an attempt ended. False when the lease had ended and somebody else has it: then it is only noted."""
    state: MessageState = "delivered" if verdict.outcome == "delivered" else "pending" if verdict.next_try else "dead"
    done = await session.execute(
        update(messages)
        .where(messages.c.id == claim.message.id, messages.c.claim == claim.token)
        .values(state=state, claim=None, worker=None, claimed=None, due=verdict.next_try or now)
        .returning(messages.c.id)
    )
    held = done.first() is not None
    await _note(session, claim, verdict, now)
    return held


async def find_message(session: AsyncSession, message: UUID) -> StoredMessage:
    """The message, or `NotFoundError`."""
    row = (await session.execute(select(messages).where(messages.c.id == message))).first()
    if row is None:
        raise NotFoundError(f"There is no message {message}.")
    return _stored(row)


async def find_messages(
    session: AsyncSession, key: str, *, state: MessageState | None, before: UUID | None, count: int
) -> list[StoredMessage]:
    """Messages of this key, the newest first; `before` leads to the next page."""
    query = select(messages).where(messages.c.key == key).order_by(messages.c.id.desc()).limit(count)
    if state is not None:
        query = query.where(messages.c.state == state)
    if before is not None:
        query = query.where(messages.c.id < before)
    return [_stored(row) for row in await session.execute(query)]


async def find_deliveries(session: AsyncSession, message: UUID) -> list[Delivery]:
    """Every attempt that has ended, the first one first."""
    query = select(deliveries).where(deliveries.c.message == message).order_by(deliveries.c.id)
    return [
        Delivery(row.message, row.attempt, row.worker, row.started, row.ended, row.outcome, row.detail, row.next_try)
        for row in await session.execute(query)
    ]


async def make_due(session: AsyncSession, message: UUID, now: datetime) -> None:
    """Begin again with a message that is delivered or dead. `ConflictError` when it is pending."""
    row = (await session.execute(select(messages.c.state).where(messages.c.id == message).with_for_update())).first()
    if row is None:
        raise NotFoundError(f"There is no message {message}.")
    if row.state == "pending":
        raise ConflictError(f"The message {message} is still to be delivered.")
    again = update(messages).where(messages.c.id == message)
    await session.execute(again.values(state="pending", attempts=0, due=now, claim=None))


async def forget_done(session: AsyncSession, before: datetime) -> int:
    """Remove some messages that are done with and older than this, with their log. Returns how many."""
    old = (
        select(messages.c.id)
        .where(messages.c.state != "pending", messages.c.created < before)
        .limit(_FORGOTTEN_AT_ONCE)
    )
    found = [row.id for row in await session.execute(old)]
    if found:
        await session.execute(delete(deliveries).where(deliveries.c.message.in_(found)))
        await session.execute(delete(messages).where(messages.c.id.in_(found)))
    return len(found)


def _due(kinds: Collection[str], now: datetime) -> Any:
    return (
        select(messages)
        .where(messages.c.state == "pending", messages.c.due <= now, messages.c.kind.in_(sorted(kinds)))
        .order_by(messages.c.due, messages.c.id)
    )


async def _note(session: AsyncSession, claim: Claim, verdict: Verdict, now: datetime) -> None:
    await session.execute(
        insert(deliveries).values(
            message=claim.message.id,
            attempt=claim.message.attempt,
            worker=claim.worker,
            started=claim.since,
            ended=now,
            outcome=verdict.outcome,
            detail=verdict.detail[:_LONGEST_DETAIL],
            next_try=verdict.next_try,
        )
    )


def _claim(row: Row[Any], token: UUID, worker: str, since: datetime, until: datetime, attempt: int) -> Claim:
    payload: Mapping[str, Any] = row.payload
    return Claim(Message(row.id, row.kind, row.key, payload, row.created, attempt), token, worker, since, until)


def _stored(row: Row[Any]) -> StoredMessage:
    return StoredMessage(row.id, row.kind, row.key, row.state, row.attempts, row.created, row.due)

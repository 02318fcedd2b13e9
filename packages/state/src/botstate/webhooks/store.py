"""Webhooks in the database: each function is a part of a unit of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from botlib import NotFoundError, Secret
from botstate.webhooks.tables import webhooks
from botstate.webhooks.values import Webhook

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncSession


async def add_webhook(session: AsyncSession, webhook: Webhook, secret: Secret) -> None:
    """Put it in."""
    await session.execute(
        insert(webhooks).values(
            id=webhook.id,
            owner=webhook.owner,
            url=webhook.url,
            events=list(webhook.events),
            secrets=[{"text": secret.reveal(), "until": None}],
            created=webhook.created,
            failures=webhook.failures,
            disabled=webhook.disabled,
        )
    )


async def find_webhook(session: AsyncSession, owner: str, webhook: UUID) -> Webhook:
    """The one of this owner, or `NotFoundError`."""
    query = select(webhooks).where(webhooks.c.id == webhook, webhooks.c.owner == owner)
    row = (await session.execute(query)).first()
    if row is None:
        raise NotFoundError(f"There is no webhook {webhook}.")
    return _webhook(row)


async def find_webhooks(session: AsyncSession, owner: str) -> list[Webhook]:
    """All of this owner, the oldest first."""
    query = select(webhooks).where(webhooks.c.owner == owner).order_by(webhooks.c.id)
    return [_webhook(row) for row in await session.execute(query)]


async def load_webhook(session: AsyncSession, webhook: UUID, now: datetime) -> tuple[Webhook, list[Secret]] | None:
    """What it takes to send: the webhook and its valid secrets, the newest first. None when it is not there."""
    row = (await session.execute(select(webhooks).where(webhooks.c.id == webhook))).first()
    if row is None:
        return None
    return _webhook(row), [Secret(it["text"]) for it in _valid(row.secrets, now)]


async def remove_webhook(session: AsyncSession, owner: str, webhook: UUID) -> None:
    """Remove the one of this owner, or `NotFoundError`."""
    await find_webhook(session, owner, webhook)
    await session.execute(delete(webhooks).where(webhooks.c.id == webhook))


async def enable_webhook(session: AsyncSession, owner: str, webhook: UUID) -> None:
    """Begin with the one of this owner anew, or `NotFoundError`."""
    await find_webhook(session, owner, webhook)
    await _change(session, webhook, failures=0, disabled="")


async def replace_secret(
    session: AsyncSession, owner: str, webhook: UUID, *, secret: Secret, now: datetime, until: datetime
) -> None:
    """Add a secret; those that are valid now are so until then, or as long as they were."""
    await find_webhook(session, owner, webhook)
    query = select(webhooks.c.secrets).where(webhooks.c.id == webhook).with_for_update()
    stored = (await session.execute(query)).scalar_one()
    last = until.timestamp()
    old = [it | {"until": last if it["until"] is None else min(it["until"], last)} for it in _valid(stored, now)]
    await _change(session, webhook, secrets=[{"text": secret.reveal(), "until": None}, *old])


async def note_success(session: AsyncSession, webhook: UUID) -> None:
    """The next failure is the first in a row."""
    await _change(session, webhook, failures=0)


async def note_failure(session: AsyncSession, webhook: UUID, *, reason: str, limit: int) -> None:
    """One more failure in a row; with that many, the webhook is disabled, and `reason` tells why."""
    query = select(webhooks.c.failures).where(webhooks.c.id == webhook).with_for_update()
    failures = ((await session.execute(query)).scalar() or 0) + 1
    disabled = f"{failures} attempts in a row failed, the last one with: {reason}" if failures >= limit else ""
    await _change(session, webhook, failures=failures, disabled=disabled)


async def disable_webhook(session: AsyncSession, webhook: UUID, reason: str) -> None:
    """Send nothing more."""
    await _change(session, webhook, disabled=reason)


async def _change(session: AsyncSession, webhook: UUID, **values: object) -> None:
    await session.execute(update(webhooks).where(webhooks.c.id == webhook).values(**values))


def _valid(stored: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    return [it for it in stored if it["until"] is None or it["until"] > now.timestamp()]


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(row.id, row.owner, row.url, tuple(row.events), row.created, row.failures, row.disabled)

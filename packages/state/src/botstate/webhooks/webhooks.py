"""Subscriptions, what is sent to them, and what came of it."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from botlib import InvalidError, NotFoundError
from botstate.webhooks import store
from botstate.webhooks.signing import check_secret, create_secret
from botstate.webhooks.values import Webhook

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botlib import Clock, IdSource, Randomness, Secret
    from botstate.database import Database
    from botstate.outbox.messages import Delivery, MessageState, StoredMessage
    from botstate.outbox.outbox import Outbox

#: The kind of their messages in the outbox.
KIND = "webhook"
_LONGEST_URL = 2_048


class Webhooks:
    """Who gives an owner sees and changes what is that owner's; what is another's is not found."""

    def __init__(
        self, database: Database, outbox: Outbox, *, clock: Clock, randomness: Randomness, ids: IdSource
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._randomness = randomness
        self._ids = ids

    async def subscribe(
        self, owner: str, url: str, *, events: Collection[str] = (), secret: Secret | None = None
    ) -> tuple[Webhook, Secret]:
        """A new webhook, and the secret to show once: a new one unless the owner brings one along."""
        _check_url(url)
        secret = secret or create_secret(self._randomness)
        check_secret(secret)
        webhook = Webhook(self._ids.new_id(), owner, url, tuple(sorted(events)), self._clock.now(), 0, "")
        await self._database.write(partial(store.add_webhook, webhook=webhook, secret=secret))
        return webhook, secret

    async def owned_by(self, owner: str) -> list[Webhook]:
        """All of them, the oldest first."""
        return await self._database.read(partial(store.find_webhooks, owner=owner))

    async def get(self, owner: str, webhook: UUID) -> Webhook:
        """Just this one."""
        return await self._database.read(partial(store.find_webhook, owner=owner, webhook=webhook))

    async def remove(self, owner: str, webhook: UUID) -> None:
        """Send nothing any more, also nothing that waits."""
        await self._database.write(partial(store.remove_webhook, owner=owner, webhook=webhook))

    async def enable(self, owner: str, webhook: UUID) -> None:
        """Send again after it was disabled. What could not be delivered meanwhile is redelivered on demand only."""
        await self._database.write(partial(store.enable_webhook, owner=owner, webhook=webhook))

    async def rotate(self, owner: str, webhook: UUID, *, keep: timedelta) -> Secret:
        """A new secret. Those before it stay valid for `keep`, and until then webhooks are signed with all of them."""
        secret, now = create_secret(self._randomness), self._clock.now()
        await self._database.write(
            partial(store.replace_secret, owner=owner, webhook=webhook, secret=secret, now=now, until=now + keep)
        )
        return secret

    async def notify(self, session: AsyncSession, owner: str, event: str, data: Mapping[str, Any]) -> list[UUID]:
        """In this unit of work: tell the owner's webhooks that ask for such events. Returns the ids of what is sent.

        The body is `{"type": event, "timestamp": …, "data": …}`. `InvalidError` for data that are no JSON.
        """
        body = _body({"type": event, "timestamp": self._clock.now().isoformat(), "data": data})
        found = [it for it in await store.find_webhooks(session, owner) if not it.disabled]
        return [await self.send(session, it.id, body) for it in found if not it.events or event in it.events]

    async def send(self, session: AsyncSession, webhook: UUID, body: str) -> UUID:
        """In this unit of work: send exactly this JSON. Returns the id that the receiver sees."""
        payload = {"webhook": str(webhook), "body": body}
        return await self._outbox.enqueue(session, KIND, payload, key=f"webhook:{webhook}")

    async def messages(
        self,
        owner: str,
        webhook: UUID,
        *,
        state: MessageState | None = None,
        before: UUID | None = None,
        count: int = 100,
    ) -> list[StoredMessage]:
        """What was sent or is to be, the newest first."""
        await self.get(owner, webhook)
        return await self._outbox.messages(f"webhook:{webhook}", state=state, before=before, count=count)

    async def deliveries(self, owner: str, webhook: UUID, message: UUID) -> list[Delivery]:
        """Every attempt at one of its messages: when, what came of it, when the next one is made."""
        await self._check_message(owner, webhook, message)
        return await self._outbox.deliveries(message)

    async def redeliver(self, owner: str, webhook: UUID, message: UUID) -> None:
        """Send one of its messages again, with the same id."""
        await self._check_message(owner, webhook, message)
        await self._outbox.redeliver(message)

    async def _check_message(self, owner: str, webhook: UUID, message: UUID) -> None:
        await self.get(owner, webhook)
        if (await self._outbox.message(message)).key != f"webhook:{webhook}":
            raise NotFoundError(f"There is no message {message}.")


def _body(content: Mapping[str, Any]) -> str:
    try:
        return json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidError(f"What a webhook tells is no JSON: {error}.") from None


def _check_url(url: str) -> None:
    from botstate.guarded.targets import parse_target

    if len(url) > _LONGEST_URL:
        raise InvalidError(f"The URL is longer than {_LONGEST_URL} characters.")
    # Which ports may be used is asked when it is sent: an operator may change it.
    parse_target(url, range(65_536))

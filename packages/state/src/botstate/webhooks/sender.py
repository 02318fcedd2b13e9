"""One attempt to deliver a webhook: the handler for the outbox."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from botlib import BotError, Budget, InvalidError, LimitError, UnavailableError
from botstate.http import HttpRequest
from botstate.outbox.messages import UndeliverableError
from botstate.webhooks import store
from botstate.webhooks.signing import sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botlib import Clock, Secret
    from botstate.database import Database
    from botstate.http import Http, HttpResponse
    from botstate.outbox.messages import Message
    from botstate.webhooks.values import Webhook, WebhookSettings

_LARGEST_ANSWER = 65_536  # bytes; nobody reads it, but a short answer keeps the connection


class GoneError(UndeliverableError):
    """The other side wants no more."""


class WebhookSender:
    """Sends what the outbox hands over, and counts failures."""

    def __init__(self, database: Database, http: Http, clock: Clock, settings: WebhookSettings) -> None:
        self._database = database
        self._http = http
        self._clock = clock
        self._settings = settings

    async def deliver(self, message: Message) -> None:
        """The handler. Its errors are sentences for the log that the owner reads."""
        find = partial(store.load_webhook, webhook=UUID(message.payload["webhook"]), now=self._clock.now())
        found = await self._database.read(find)
        if found is None:
            raise UndeliverableError("The webhook was removed.")
        webhook, secrets = found
        if webhook.disabled:
            raise UndeliverableError(f"The webhook is disabled. {webhook.disabled}")
        try:
            await self._attempt(webhook, secrets, message)
        except GoneError as error:
            await self._database.write(partial(store.disable_webhook, webhook=webhook.id, reason=error.message))
            raise
        except BotError as error:
            limit = self._settings.disable_after
            note = partial(store.note_failure, webhook=webhook.id, reason=error.message, limit=limit)
            await self._database.write(note)
            raise
        if webhook.failures:
            await self._database.write(partial(store.note_success, webhook=webhook.id))

    async def _attempt(self, webhook: Webhook, secrets: Sequence[Secret], message: Message) -> None:
        body = str(message.payload["body"]).encode()
        signed = sign(secrets, str(message.id), int(self._clock.now().timestamp()), body)
        request = HttpRequest("POST", webhook.url, (("Content-Type", "application/json"), *signed), body)
        budget = Budget(self._clock, seconds=self._settings.seconds, size=_LARGEST_ANSWER)
        try:
            answer = await self._http.send(request, budget=budget, redirects=0)
        except InvalidError as error:
            raise UndeliverableError(str(error)) from None
        if not 200 <= answer.status < 300:
            _refuse(answer)


def _refuse(answer: HttpResponse) -> NoReturn:
    sentence = f"The server answered {answer.status}."
    if answer.status == 410:
        raise GoneError(f"{sentence} It is gone for good.")
    after = answer.header("retry-after") or ""
    if after.isascii() and after.isdigit():
        raise LimitError(sentence, retry_after=float(after[:9]))
    raise UnavailableError(sentence)

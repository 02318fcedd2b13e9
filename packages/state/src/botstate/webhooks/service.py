"""The service that delivers webhooks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.database import DATABASE
from botstate.foundation import CLOCK, IDS, RANDOMNESS
from botstate.http import HTTP
from botstate.outbox.messages import OUTBOX
from botstate.service import Provider, Service
from botstate.settings import SETTINGS
from botstate.webhooks.values import WEBHOOKS, WebhookSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.state import AppState
    from botstate.webhooks.webhooks import Webhooks


@asynccontextmanager
async def _open_webhooks(state: AppState) -> AsyncIterator[Webhooks]:
    from botstate.webhooks.sender import WebhookSender  # SQLAlchemy is slow to load
    from botstate.webhooks.webhooks import KIND, Webhooks

    clock, outbox = state.require(CLOCK), state.require(OUTBOX)
    sender = WebhookSender(state.database, state.require(HTTP), clock, state.settings.part(WebhookSettings))
    async with outbox.handling(KIND, sender.deliver):
        yield Webhooks(
            state.database, outbox, clock=clock, randomness=state.require(RANDOMNESS), ids=state.require(IDS)
        )


#: Provides webhooks to the services that require them.
webhooks_service: Service = Service(
    name="webhooks",
    summary="Tells other servers what happened.",
    provides=(Provider(WEBHOOKS, _open_webhooks),),
    requires=(SETTINGS, DATABASE, OUTBOX, HTTP, CLOCK, RANDOMNESS, IDS),
    settings=WebhookSettings,
)

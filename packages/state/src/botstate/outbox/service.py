"""The service that opens the outbox."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.channels import CHANNELS
from botstate.database import DATABASE
from botstate.foundation import CLOCK, IDS, RANDOMNESS
from botstate.outbox.messages import OUTBOX, OutboxSettings
from botstate.service import Provider, Service
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.outbox.outbox import Outbox
    from botstate.state import AppState


@asynccontextmanager
async def _open_outbox(state: AppState) -> AsyncIterator[Outbox]:
    from botstate.outbox.outbox import open_outbox  # SQLAlchemy takes a quarter of a second that only its users need

    async with open_outbox(
        state.database,
        state.require(CHANNELS),
        clock=state.require(CLOCK),
        randomness=state.require(RANDOMNESS),
        ids=state.require(IDS),
        settings=state.settings.part(OutboxSettings),
    ) as outbox:
        yield outbox


#: Provides the outbox to the services that require it.
outbox_service: Service = Service(
    name="outbox",
    summary="Delivers what units of work leave behind.",
    provides=(Provider(OUTBOX, _open_outbox),),
    requires=(SETTINGS, DATABASE, CHANNELS, CLOCK, RANDOMNESS, IDS),
    settings=OutboxSettings,
)

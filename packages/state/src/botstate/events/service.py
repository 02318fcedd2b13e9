"""The services that carry events."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.channels import CHANNELS
from botstate.database import DATABASE
from botstate.events.events import EVENTS, Events
from botstate.events.recorded import KIND, RECORDED_EVENTS, RecordedEvents
from botstate.foundation import CLOCK, IDS
from botstate.outbox.messages import OUTBOX
from botstate.service import Provider, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.state import AppState


@asynccontextmanager
async def _open_events(state: AppState) -> AsyncIterator[Events]:
    yield Events(state.require(CHANNELS), clock=state.require(CLOCK), ids=state.require(IDS))


@asynccontextmanager
async def _open_recorded_events(state: AppState) -> AsyncIterator[RecordedEvents]:
    outbox = state.require(OUTBOX)
    recorded = RecordedEvents(state.database, outbox, state.require(EVENTS))
    async with outbox.handling(KIND, recorded.tell_listeners):
        yield recorded


#: Provides events for those who listen now.
events_service: Service = Service(
    name="events",
    summary="Tells what happened to whoever listens.",
    provides=(Provider(EVENTS, _open_events),),
    requires=(CHANNELS, CLOCK, IDS),
)

#: Provides events for those who must not miss any.
recorded_events_service: Service = Service(
    name="recorded-events",
    summary="Tells what happened to whoever must know.",
    provides=(Provider(RECORDED_EVENTS, _open_recorded_events),),
    requires=(DATABASE, OUTBOX, EVENTS),
)

"""Opens what services provide, in order, and closes it in reverse."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from botstate.capability import Capability
from botstate.opening import missing_needs, open_service
from botstate.order import start_order
from botstate.retrying import retrying
from botstate.standings import STANDINGS, Standing, Standings
from botstate.state import AppState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from botstate.service import Service


#: The services of this composition, in start order. Composition provides it first.
SERVICES = Capability[tuple["Service", ...]]("services")


@asynccontextmanager
async def compose(services: Iterable[Service]) -> AsyncIterator[AppState]:
    """Open all providers and give the sealed state; close them in reverse order at the end.

    Raises `StartupError` before anything is opened when the services do not fit together. A provider that fails or
    hangs does not stop the others: its service, and those that need it, are in trouble, and `STANDINGS` says why. They
    are tried again in the background, after 5, 10, 20 … 300 seconds; what starts then is added to the state.
    Whatever was opened is closed, also when opening or closing of another one fails.
    """
    order = start_order(services)
    state = AppState()
    state.provide(SERVICES, tuple(order))
    async with AsyncExitStack() as stack:
        standings = Standings([await _start(service, state, stack) for service in order])
        state.provide(STANDINGS, standings)
        state.seal()
        async with retrying(order, state, standings):
            yield state


async def _start(service: Service, state: AppState, stack: AsyncExitStack) -> Standing:
    tries = 0 if missing_needs(service, state) else 1
    return Standing(service.name, await open_service(service, state, stack), tries)

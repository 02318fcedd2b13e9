"""Opens what services provide, in order, and closes it in reverse."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botlib import BotError
from botstate.capability import Capability
from botstate.errors import StateError
from botstate.order import start_order
from botstate.state import AppState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from botstate.service import Provider, Service

_log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """How a service stands after start-up. `trouble` is "" when it started; it holds no secret."""

    service: str
    trouble: str


#: The services of this composition, in start order. Composition provides it first.
SERVICES = Capability[tuple["Service", ...]]("services")
#: How every service stands, in start order. Composition provides it last.
STANDINGS = Capability[tuple[Standing, ...]]("standings")


@asynccontextmanager
async def compose(services: Iterable[Service]) -> AsyncIterator[AppState]:
    """Open all providers and give the sealed state; close them in reverse order at the end.

    Raises `StartupError` before anything is opened when the services do not fit together. A provider that fails or
    hangs does not stop the others: its service, and those that need it, are in trouble, and `STANDINGS` says why.
    Whatever was opened is closed, also when opening or closing of another one fails.
    """
    order = start_order(services)
    state = AppState()
    state.provide(SERVICES, tuple(order))
    async with AsyncExitStack() as stack:
        standings = [Standing(service.name, await _start(service, state, stack)) for service in order]
        state.provide(STANDINGS, tuple(standings))
        state.seal()
        yield state


async def _start(service: Service, state: AppState, stack: AsyncExitStack) -> str:
    missing = [needed.name for needed in service.requires if not _present(needed, service, state)]
    if missing:
        return f"It needs {' and '.join(missing)}, which did not start."
    for provider in service.provides:
        trouble = await _open(provider, state, stack)
        if trouble:
            return trouble
    return ""


def _present(needed: Capability[Any], service: Service, state: AppState) -> bool:
    return state.has(needed) or any(provider.capability is needed for provider in service.provides)


async def _open(provider: Provider[Any], state: AppState, stack: AsyncExitStack) -> str:
    name = provider.capability.name
    limit = asyncio.timeout(provider.time_limit)
    try:
        async with limit:
            manager = provider.open(state)
            implementation = await manager.__aenter__()
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, the others start
        if limit.expired():
            _log.error("%s did not open within %g seconds", name, provider.time_limit)
            return f"{name} did not open within {provider.time_limit:g} seconds."
        _log.exception("%s did not open", name)
        return f"{name} did not open: {_public_text(error)}"
    stack.push_async_exit(partial(_close, provider, manager))
    state.provide(provider.capability, implementation)
    return ""


async def _close(
    provider: Provider[Any],
    manager: AbstractAsyncContextManager[Any],
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    limit = asyncio.timeout(provider.time_limit)
    try:
        async with limit:
            await manager.__aexit__(kind, error, traceback)
    except TimeoutError:
        if not limit.expired():
            raise
        raise StateError(f"{provider.capability.name} did not close within {provider.time_limit:g} seconds.") from None


def _public_text(error: Exception) -> str:
    # Only our own errors promise to hold no secret; of others the log has the rest.
    return str(error) if isinstance(error, BotError) else f"{type(error).__name__}. The log says more."

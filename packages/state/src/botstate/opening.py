"""Opens and closes what one service provides."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from botlib import BotError
from botstate.errors import StateError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AsyncExitStack
    from types import TracebackType

    from botstate.capability import Capability
    from botstate.service import Provider, Service
    from botstate.state import AppState

_log = logging.getLogger(__name__)


async def open_service(service: Service, state: AppState, stack: AsyncExitStack) -> str:
    """Open what it provides and what is not open yet, into the state; closing goes on the stack.

    The answer is why that did not succeed, or "".
    """
    missing = missing_needs(service, state)
    if missing:
        return f"It needs {' and '.join(missing)}, which did not start."
    for provider in service.provides:
        if state.has(provider.capability):
            continue
        trouble = await _open(provider, state, stack)
        if trouble:
            return trouble
    return ""


def missing_needs(service: Service, state: AppState) -> list[str]:
    """The names of what it requires of others and what is not there."""
    return [needed.name for needed in service.requires if not _present(needed, service, state)]


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
    state.admit(provider.capability, implementation)
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

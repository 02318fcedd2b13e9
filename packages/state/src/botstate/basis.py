"""What stands below the services of a server: the foundation always, and the rest when somebody needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botstate.caching import cache_service
from botstate.events import events_service, recorded_events_service
from botstate.foundation import foundation
from botstate.guarded.service import http_service
from botstate.llm import llm_service
from botstate.objects import objects_service
from botstate.outbox import outbox_service
from botstate.storage import database_service
from botstate.webhooks import webhooks_service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botstate.capability import Capability
    from botstate.service import Service
    from botstate.settings import Settings

#: Each is started only when a service requires what it provides; the settings of all are always known.
BASIS: tuple[Service, ...] = (
    database_service,
    cache_service,
    objects_service,
    http_service,
    outbox_service,
    webhooks_service,
    events_service,
    recorded_events_service,
    llm_service,
)


def with_basis(
    services: Iterable[Service], settings: Settings | None = None, *, below: Service | None = None
) -> tuple[Service, ...]:
    """These services and all that they stand on, directly or not.

    What one of them provides itself is not taken from the basis. `below` is a foundation in the place of the usual one.
    """
    wanted = tuple(services)
    chosen: tuple[Service, ...] = ()
    while more := [it for it in BASIS if it not in chosen and _is_missing(it, (*chosen, *wanted))]:
        chosen = (*chosen, *more)
    return (below or foundation(settings), *(it for it in BASIS if it in chosen), *wanted)


def basis_without(capability: Capability[Any]) -> tuple[Service, ...]:
    """Those of the basis that neither provide this nor stand on it, directly or not."""
    left_out: set[Capability[Any]] = {capability}
    kept = list(BASIS)
    while gone := [it for it in kept if left_out.intersection((*it.requires, *_provided(it)))]:
        kept = [it for it in kept if it not in gone]
        left_out.update(provided for it in gone for provided in _provided(it))
    return tuple(kept)


def _is_missing(candidate: Service, present: tuple[Service, ...]) -> bool:
    needed = {capability for it in present for capability in it.requires}
    provided = {capability for it in present for capability in _provided(it)}
    return bool((needed - provided).intersection(_provided(candidate)))


def _provided(service: Service) -> list[Capability[Any]]:
    return [provider.capability for provider in service.provides]

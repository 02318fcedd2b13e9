"""What stands below the installed services: the foundation always, and the rest when somebody needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import (
    DATABASE,
    cache_service,
    database_service,
    events_service,
    foundation,
    http_service,
    llm_service,
    objects_service,
    outbox_service,
    recorded_events_service,
    webhooks_service,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botstate import Service, Settings

#: Started only when a service requires what they provide; their settings are always known.
OPTIONAL: tuple[Service, ...] = (
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


def with_basis(services: Iterable[Service], settings: Settings | None = None) -> tuple[Service, ...]:
    """These services and all that they stand on. What one of them provides itself is not taken from the basis."""
    wanted = tuple(services)
    chosen = _chosen(wanted)
    return (foundation(settings), *(it for it in OPTIONAL if it in chosen), *wanted)


def basis_without_database(settings: Settings | None = None) -> tuple[Service, ...]:
    """The basis but for the service that opens the database, which upgrades it, and those that need it."""
    return (
        foundation(settings),
        *(it for it in OPTIONAL if it is not database_service and DATABASE not in it.requires),
    )


def _chosen(wanted: tuple[Service, ...]) -> tuple[Service, ...]:
    """Those of the basis that these need, and that those need in turn."""
    needed = {capability for service in wanted for capability in service.requires}
    missing = needed - {provider.capability for service in wanted for provider in service.provides}
    found = tuple(
        it
        for it in OPTIONAL
        if it not in wanted and missing.intersection(provider.capability for provider in it.provides)
    )
    return _chosen((*wanted, *found)) if found else tuple(it for it in wanted if it in OPTIONAL)

"""What stands below the installed services: the foundation always, and the rest when somebody needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import cache_service, database_service, foundation, objects_service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botstate import Service, Settings

#: Started only when a service requires what they provide; their settings are always known.
OPTIONAL: tuple[Service, ...] = (database_service, cache_service, objects_service)


def with_basis(services: Iterable[Service], settings: Settings | None = None) -> tuple[Service, ...]:
    """These services and all that they stand on. What one of them provides itself is not taken from the basis."""
    wanted = tuple(services)
    needed = {capability for service in wanted for capability in service.requires}
    missing = needed - {provider.capability for service in wanted for provider in service.provides}
    chosen = (it for it in OPTIONAL if missing.intersection(provider.capability for provider in it.provides))
    return (foundation(settings), *chosen, *wanted)


def basis_without_database(settings: Settings | None = None) -> tuple[Service, ...]:
    """The whole basis but for the service that opens the database, which upgrades it."""
    return (foundation(settings), *(it for it in OPTIONAL if it is not database_service))

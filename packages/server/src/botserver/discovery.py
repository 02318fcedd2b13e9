"""Finds the services that are installed. The one place that does: everybody else is given a list."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botstate import Service

GROUP = "botserver.services"


class Broken(NamedTuple):
    """A service that is installed and cannot be loaded. `trouble` is a sentence."""

    name: str
    distribution: str
    trouble: str


class Discovery(NamedTuple):
    """What is installed, sorted by name."""

    services: tuple[Service, ...]
    broken: tuple[Broken, ...]


def discover() -> Discovery:
    """All services that installed distributions declare. One that is broken stops no other."""
    return load(metadata.entry_points(group=GROUP))


def installed_names() -> tuple[str, ...]:
    """The names under which services are declared, sorted. Imports none of them."""
    return tuple(sorted({entry_point.name for entry_point in metadata.entry_points(group=GROUP)}))


def load(entry_points: Iterable[metadata.EntryPoint]) -> Discovery:
    """The services behind these entry points. Two of one name are both kept: the start order refuses them by name."""
    services: list[Service] = []
    broken: list[Broken] = []
    for entry_point in sorted(entry_points, key=lambda it: (it.name, it.value)):
        found = _load_one(entry_point)
        if isinstance(found, Broken):
            broken.append(found)
        else:
            services.append(found)
    return Discovery(tuple(services), tuple(broken))


def _load_one(entry_point: metadata.EntryPoint) -> Service | Broken:
    from botstate import Service

    distribution = entry_point.dist.name if entry_point.dist is not None else "an unknown distribution"
    try:
        found = entry_point.load()
    except Exception as error:  # noqa: BLE001 - whatever a package does when it is imported, the others start
        trouble = f"{entry_point.value} cannot be imported: {type(error).__name__}: {error}"
        return Broken(entry_point.name, distribution, trouble)
    if not isinstance(found, Service):
        trouble = f"{entry_point.value} is a {type(found).__name__}. It must be a botstate.Service."
        return Broken(entry_point.name, distribution, trouble)
    if found.name != entry_point.name:
        trouble = f"{entry_point.value} is named {found.name}. Give the entry point the same name."
        return Broken(entry_point.name, distribution, trouble)
    return found

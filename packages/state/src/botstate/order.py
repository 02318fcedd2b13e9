"""In which order services start, and why a set of them cannot. Pure: nothing is opened here."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from botstate.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from botstate.capability import Capability
    from botstate.service import Service

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def start_order(services: Iterable[Service]) -> tuple[Service, ...]:
    """The services, each after all that provide what it requires; by name where that leaves a choice.

    Raises `StartupError` with every problem at once.
    """
    known = sorted(services, key=lambda service: service.name)
    problems = [*find_clashes(known), *_capabilities(known)]
    if problems:
        raise StartupError(*problems)
    by_name = {service.name: service for service in known}
    return tuple(by_name[name] for name in _sorted_topologically(_needs(known)))


def find_clashes(services: Sequence[Service]) -> tuple[str, ...]:
    """Why these cannot stand beside each other, whatever they need: names and paths. One sentence a problem."""
    return (*_names(services), *_paths(services))


def _names(services: Sequence[Service]) -> Iterator[str]:
    names = [service.name for service in services]
    for name in dict.fromkeys(names):
        if not _NAME.fullmatch(name):
            yield f"{name!r} cannot name a service: use lower case, digits and single dashes, as in meeting-notes."
        if names.count(name) > 1:
            yield f"{names.count(name)} services are named {name}. Rename one, or uninstall one."


def _paths(services: Sequence[Service]) -> Iterator[str]:
    claims = [claim for service in services for claim in _claims(service)]
    for service in services:
        if service.create_router is not None and not (service.paths or service.exact_paths):
            yield f'{service.name} has a router and claims no path. Add paths=("/{service.name}",) to its manifest.'
    for claim in claims:
        if not _PATH.fullmatch(claim.path):
            yield (
                f"{claim.service} claims {claim.path!r}, "
                "which is not written like /mail: a slash first, and none at the end."
            )
    for claim, other in combinations(claims, 2):
        if claim.covers(other) or other.covers(claim):
            yield _describe_clash(claim, other)


class _Claim(NamedTuple):
    """One path of one service, with all that lies below it unless it is an exact one."""

    path: str
    service: str
    exact: bool

    def covers(self, other: _Claim) -> bool:
        """Whether the path of the other one is mine too."""
        return self.path == other.path or (not self.exact and other.path.startswith(f"{self.path}/"))


def _claims(service: Service) -> Iterator[_Claim]:
    yield from (_Claim(path, service.name, exact=False) for path in service.paths)
    yield from (_Claim(path, service.name, exact=True) for path in service.exact_paths)


def _describe_clash(claim: _Claim, other: _Claim) -> str:
    inner, outer = (other, claim) if len(claim.path) < len(other.path) else (claim, other)
    if claim.path != other.path:
        place = f"{outer.path} of {outer.service}"
        return f"{inner.service} claims {inner.path}, which lies in {place}. Change the paths of one."
    if claim.service == other.service:
        return f"{claim.service} claims {claim.path} twice. Remove one of the two."
    return (
        f"{claim.service} and {other.service} both claim {claim.path}. "
        "Run them in two servers, or change the paths of one."
    )


def _capabilities(services: Sequence[Service]) -> Iterator[str]:
    providers: dict[str, list[str]] = {}
    for service in services:
        for provider in service.provides:
            providers.setdefault(provider.capability.name, []).append(service.name)
    for capability, names in sorted(providers.items()):
        if len(names) > 1:
            yield f"{_listed(names)} all provide {capability}. Leave all but one of them out."
    yield from _namesakes(services)
    for service in services:
        for needed in service.requires:
            if needed.name not in providers:
                remedy = needed.remedy or "Install or start a service that provides it."
                yield f"{service.name} needs {needed.name}, which no service here provides. {remedy}"


def _namesakes(services: Sequence[Service]) -> Iterator[str]:
    first: dict[str, tuple[Capability[Any], str]] = {}
    for service in services:
        for capability in (*(provider.capability for provider in service.provides), *service.requires):
            known, user = first.setdefault(capability.name, (capability, service.name))
            if known is not capability:
                yield (
                    f"{user} and {service.name} use two different capabilities that are both named {capability.name}. "
                    "Import the constant instead of making a second one."
                )


def _needs(services: Sequence[Service]) -> dict[str, set[str]]:
    provider_of = {provider.capability: service.name for service in services for provider in service.provides}
    return {service.name: {provider_of[it] for it in service.requires} - {service.name} for service in services}


def _sorted_topologically(needs: Mapping[str, set[str]]) -> list[str]:
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        raise StartupError(_describe_cycle(error.args[1])) from None
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def _describe_cycle(ring: Sequence[str]) -> str:
    # graphlib lists each one before those that wait for it; a person reads the other way round.
    steps = ring[:0:-1]
    start = steps.index(min(steps))
    story = " needs ".join([*steps[start:], *steps[: start + 1]])
    return f"Services wait for each other: {story}. Split one of them, or move what is shared to a third."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1]

"""Which apps need which: what is missing, what would go round in a circle, who starts after whom."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from botserver_containers.decisions.tiers import tier_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    Needs = Mapping[str, Collection[str]]


def missing(wanted: Iterable[str], installed: Collection[str]) -> list[str]:
    """What is needed and not installed, in the order given."""
    return [name for name in wanted if name not in installed]


def find_cycle(needs: Needs) -> list[str]:
    """The names along one circle, the first one again at the end; empty when there is none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]
    return []


def dependents(name: str, needs: Needs) -> list[str]:
    """Whoever needs this one, directly or through others, sorted."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for other, wanted in needs.items():
            if current in wanted and other not in found:
                found.add(other)
                waiting.append(other)
    return sorted(found - {name})


def start_groups(needs: Needs) -> list[list[str]]:
    """All of them in groups to start one after the other: by tier, and never before what they need.

    What they need and what is not among them does not count. A circle is cut where it closes.
    """
    groups: list[list[str]] = []
    left = {name: {it for it in wanted if it in needs} - {name} for name, wanted in needs.items()}
    while left:
        ready = [name for name, wanted in left.items() if not wanted & left.keys()] or list(left)
        lowest = min(tier_of(name) for name in ready)
        group = sorted(name for name in ready if tier_of(name) == lowest)
        groups.append(group)
        for name in group:
            del left[name]
    return groups

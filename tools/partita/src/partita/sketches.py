"""A workspace and its graph from a few lines of text: for tests and for examples in the documentation.

::

    tier foundation: lib
    tier service: chat mail
    chat -> lib runtime@3 import@1,7
    mail -> lib runtime@3

Tiers stand lowest first; without them the members are what the edges name, and lines of one name. A kind that a
manifest declares stands in ``packages/NAME/pyproject.toml``, any other in ``packages/NAME/src/NAME/__init__.py``, at
the lines behind ``@`` (1 without).
"""

from __future__ import annotations

from typing import NamedTuple

from partita.configuration import Configuration, Tier
from partita.graph import DECLARED_KINDS, Evidence, Graph, merge_edges
from partita.tree import Tree
from partita.workspace import Member, Workspace


class Sketch(NamedTuple):
    """What was sketched, ready for `build_view(*sketch(text))`."""

    workspace: Workspace
    graph: Graph


def sketch(text: str, root: str = "/repository") -> Sketch:
    """The workspace and the graph that this text describes. Nothing is read from disk."""
    tiers: list[Tier] = []
    names: set[str] = set()
    found: dict[tuple[str, str], list[Evidence]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("tier "):
            name, _, listed = line.removeprefix("tier ").partition(":")
            tiers.append(Tier(name, tuple(listed.split()), (), independent=False))
            names.update(listed.split())
            continue
        source, _, rest = line.partition(" -> ")
        names.add(source)
        if rest:
            target, *kinds = rest.split()
            names.add(target)
            found[source, target] = [item for kind in kinds for item in _evidence(source, kind)]
    tier_of = {name: tier.name for tier in tiers for name in tier.members}
    members = tuple(_member(name, tier_of.get(name)) for name in sorted(names))
    workspace = Workspace(root, members, Configuration(tiers=tuple(tiers)), bool(tiers), (), (), Tree(root))
    return Sketch(workspace, Graph(tuple(sorted(names)), merge_edges(found)))


def _member(name: str, tier: str | None) -> Member:
    folder = f"packages/{name}"
    return Member(name, folder, f"{folder}/pyproject.toml", f"{folder}/src", (name,), "1.0", tier, (), ())


def _evidence(source: str, kind: str) -> list[Evidence]:
    kind, _, lines = kind.partition("@")
    file = "pyproject.toml" if kind in DECLARED_KINDS else f"src/{source}/__init__.py"
    return [Evidence(kind, f"packages/{source}/{file}", int(line)) for line in (lines or "1").split(",")]

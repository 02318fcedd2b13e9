"""What the manifests say: the declared graph. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.graph import DECLARED_KINDS, Evidence, Graph, merge_edges

if TYPE_CHECKING:
    from collections.abc import Collection

    from partita.workspace import Workspace


def declared_graph(workspace: Workspace, kinds: Collection[str] = DECLARED_KINDS) -> Graph:
    """Edges of the declared kinds between members.

    A requirement that names a member is an edge whatever its version, extra, marker or URL; one on the own name is
    none. Duplicates take no part: the first manifest of a name speaks for it.
    """
    names = frozenset(member.name for member in workspace.members)
    found: dict[tuple[str, str], list[Evidence]] = {}
    for member in workspace.members:
        for requirement in member.requirements:
            if requirement.name in names and requirement.name != member.name and requirement.kind in kinds:
                place = Evidence(requirement.kind, member.manifest, requirement.line)
                found.setdefault((member.name, requirement.name), []).append(place)
    return Graph(tuple(member.name for member in workspace.members), merge_edges(found))

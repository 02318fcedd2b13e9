"""The dependency graph: typed edges with their evidence. Pure values; nothing here touches a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Kinds of an edge between members. The first four are declared in manifests, the others are seen in sources.
DECLARED_KINDS = ("runtime", "optional", "dev", "build")
OBSERVED_KINDS = ("import", "type-checking", "lazy", "test")
EDGE_KINDS = DECLARED_KINDS + OBSERVED_KINDS
#: What `graph` shows unless asked: sources are read only when a question needs them.
DEFAULT_KINDS = ("runtime", "optional", "dev")

#: Kinds of an edge between modules, and what cutting one import statement of that kind costs.
MODULE_KINDS = ("toplevel", "lazy", "type-checking")
IMPORT_WEIGHTS = {"toplevel": 10, "lazy": 3, "type-checking": 1}


class Evidence(NamedTuple):
    """Where an edge comes from. `file` is relative to the root; `line` counts from 1, 0 when unknown."""

    kind: str
    file: str
    line: int


class Edge(NamedTuple):
    """`source` depends on `target`; `evidence` is sorted and holds at least one place."""

    source: str
    target: str
    evidence: tuple[Evidence, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind this edge has, in the order of `EDGE_KINDS` or `MODULE_KINDS`."""
        found = {item.kind for item in self.evidence}
        return tuple(kind for kind in (*EDGE_KINDS, "toplevel") if kind in found)


class Graph(NamedTuple):
    """Nodes and edges, both sorted. Nodes are member names, or module names on the module level."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]

    def restricted_to(self, kinds: Iterable[str]) -> Graph:
        """Same nodes; of each edge only the evidence of these kinds."""
        wanted = frozenset(kinds)
        kept = (Edge(e.source, e.target, tuple(i for i in e.evidence if i.kind in wanted)) for e in self.edges)
        return Graph(self.nodes, tuple(edge for edge in kept if edge.evidence))

    def successors(self) -> dict[str, list[str]]:
        """Node -> what it depends on, sorted. Every node is a key."""
        table: dict[str, list[str]] = {node: [] for node in self.nodes}
        for edge in self.edges:
            table[edge.source].append(edge.target)
        return table


def merge_edges(found: Mapping[tuple[str, str], Iterable[Evidence]]) -> tuple[Edge, ...]:
    """Sorted edges from evidence grouped by (source, target); repeated evidence is kept once."""
    return tuple(Edge(*ends, tuple(sorted(set(found[ends])))) for ends in sorted(found))


def combine(*graphs: Graph) -> Graph:
    """One graph with the nodes, the edges and the evidence of all."""
    found: dict[tuple[str, str], list[Evidence]] = {}
    for edge in (edge for graph in graphs for edge in graph.edges):
        found.setdefault((edge.source, edge.target), []).extend(edge.evidence)
    return Graph(tuple(sorted({node for graph in graphs for node in graph.nodes})), merge_edges(found))

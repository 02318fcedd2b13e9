"""Which way one node reaches another, and what lies around a node. Pure, and bounded by the size of the graph."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from partita.errors import PartitaError
from partita.graph import Edge, Graph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

#: Paths that are written out one by one; there may be more of them than atoms, so the rest is only counted.
LISTED_PATHS = 10

_NEAREST = 3


class Paths(NamedTuple):
    """Every shortest path from `source` to `target`, as the edges they share.

    `length` counts steps, `number` paths; both are 0 and `edges` is empty when there is none. `edges` stand in the
    order of their step (how far their start is from `source`), then by name: together they form an acyclic graph in
    which every way from `source` ends in `target` after `length` steps.
    """

    source: str
    target: str
    length: int
    number: int
    edges: tuple[Edge, ...]

    def steps(self) -> tuple[tuple[Edge, ...], ...]:
        """The edges by step: what can be the first one, the second one, ..."""
        table: list[list[Edge]] = [[] for _ in range(self.length)]
        distance = {self.source: 0}
        for edge in self.edges:
            step = distance[edge.source]
            table[step].append(edge)
            distance.setdefault(edge.target, step + 1)
        return tuple(map(tuple, table))

    def listed(self, limit: int = LISTED_PATHS) -> tuple[tuple[str, ...], ...]:
        """The first paths in alphabetical order, each as the names along it."""
        return tuple(islice(self._walk(), limit))

    def _walk(self) -> Iterator[tuple[str, ...]]:
        """Depth first; no way is a dead end, so each path costs no more than its own steps and their branches."""
        following: dict[str, list[str]] = {}
        for edge in self.edges:
            following.setdefault(edge.source, []).append(edge.target)
        stack: list[tuple[str, ...]] = [(self.source,)] if self.number else []
        while stack:
            path = stack.pop()
            if len(path) > self.length:
                yield path
            else:
                stack.extend((*path, name) for name in reversed(following[path[-1]]))


def find_paths(graph: Graph, source: str, target: str) -> Paths:
    """Every shortest path from `source` to `target`; from a node to itself, every shortest cycle through it.

    Both must be nodes of the graph. Costs two breadth-first walks, whatever the number of paths.
    """
    successors, predecessors = graph.successors(), _predecessors(graph)
    to_target = _distances(predecessors, [target])
    lengths = [to_target[name] + 1 for name in successors[source] if name in to_target]
    if not lengths:
        return Paths(source, target, 0, 0, ())
    length = min(lengths)
    from_source = _distances(successors, [source], length)
    taken = [
        edge
        for edge in graph.edges
        if edge.source in from_source
        and edge.target in to_target
        and from_source[edge.source] + 1 + to_target[edge.target] == length
    ]
    taken.sort(key=lambda edge: from_source[edge.source])  # stable: by name within a step
    return Paths(source, target, length, _count(taken, source, target), tuple(taken))


def paths_document(paths: Paths) -> dict[str, object]:
    """The paths as plain data for JSON: every step with its places, and the first paths written out."""
    steps = [
        {
            "from": edge.source,
            "to": edge.target,
            "step": number,
            "kinds": list(edge.kinds),
            "evidence": [{"kind": item.kind, "file": item.file, "line": item.line} for item in edge.evidence],
        }
        for number, edges in enumerate(paths.steps(), 1)
        for edge in edges
    ]
    return {
        "from": paths.source,
        "to": paths.target,
        "length": paths.length,
        "count": paths.number,
        "steps": steps,
        "paths": [list(path) for path in paths.listed()],
    }


def find_neighbourhood(
    graph: Graph, names: Iterable[str], dependencies: int | None = 1, dependents: int | None = 1
) -> Graph:
    """The nodes within so many steps below (`dependencies`) and above (`dependents`) of these names, None for all.

    Keeps every edge between two kept nodes.
    """
    start = list(names)
    below = _distances(graph.successors(), start, dependencies)
    above = _distances(_predecessors(graph), start, dependents)
    kept = below.keys() | above.keys()
    return Graph(
        tuple(node for node in graph.nodes if node in kept),
        tuple(edge for edge in graph.edges if edge.source in kept and edge.target in kept),
    )


def check_known(name: str, known: Collection[str], what: str = "package") -> str:
    """`name` when it is known. Raises PartitaError that tells the nearest known names."""
    if name in known:
        return name
    near = _nearest(name, known)
    told = f"; did you mean {_either(near)}?" if near else f"; there are {len(known)}, and `partita graph` lists them"
    raise PartitaError(f"no {what} is named {name!r}{told}")


def _nearest(name: str, known: Collection[str]) -> list[str]:
    """Names that hold this one as a word come first (`chat` for `botserver-chat`), then names spelt alike."""
    import difflib  # only on the way to an error

    wanted = name.lower()
    holding = sorted((other for other in known if wanted and wanted in other.lower()), key=lambda n: (len(n), n))
    alike = difflib.get_close_matches(wanted, known, _NEAREST)
    return list(dict.fromkeys(holding[:_NEAREST] + alike))[:_NEAREST]


def _either(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _predecessors(graph: Graph) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {node: [] for node in graph.nodes}
    for edge in graph.edges:
        table[edge.target].append(edge.source)
    return table


def _distances(following: Mapping[str, list[str]], start: Iterable[str], limit: int | None = None) -> dict[str, int]:
    """Node -> steps from the nearest start, as far as `limit` steps."""
    distances = dict.fromkeys(start, 0)
    frontier, step = list(distances), 0
    while frontier and (limit is None or step < limit):
        step += 1
        found = {after for name in frontier for after in following[name] if after not in distances}
        distances.update(dict.fromkeys(found, step))
        frontier = list(found)
    return distances


def _count(edges: list[Edge], source: str, target: str) -> int:
    """How many ways lead through these edges, which stand in the order of their steps."""
    ways = {source: 1}
    closing = 0  # apart from `ways`: the target may be the source
    for edge in edges:
        if edge.target == target:
            closing += ways[edge.source]
        else:
            ways[edge.target] = ways.get(edge.target, 0) + ways[edge.source]
    return closing

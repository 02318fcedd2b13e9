"""Cycles: nodes that all reach each other, and the shortest ring among them. Pure.

Simple cycles are never listed: a component of 350 modules has no end of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from partita.graph import Edge, Graph

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Node = TypeVar("Node", str, int)


def find_components(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The strongly connected components of two or more nodes, each sorted, in the order of their first nodes."""
    return connect(graph.successors())


def split(graph: Graph, components: Sequence[tuple[str, ...]]) -> tuple[Graph, ...]:
    """The graph within each component, all in one pass over the edges."""
    home = {node: number for number, component in enumerate(components) for node in component}
    edges: list[list[Edge]] = [[] for _ in components]
    for edge in graph.edges:
        number = home.get(edge.source)
        if number is not None and number == home.get(edge.target):
            edges[number].append(edge)
    return tuple(Graph(component, tuple(inner)) for component, inner in zip(components, edges, strict=True))


def shortest_cycle(graph: Graph, component: Iterable[str]) -> tuple[str, ...]:
    """The shortest ring within a component, from its smallest node on; of equals the first in sorted order.

    Each node depends on the next, and the last on the first. Empty when these nodes have no cycle.
    """
    members = frozenset(component)
    after: dict[str, dict[str, None]] = {node: {} for node in sorted(members)}
    before: dict[str, dict[str, None]] = {node: {} for node in members}
    for source, target, _ in graph.edges:
        if source in members and target in members and source != target:
            after[source][target] = None
            before[target][source] = None
    best: tuple[str, ...] = ()
    _remove([node for node in members if not after[node] or not before[node]], after, before)
    for start in list(after):
        if start in after and len(best) != 2:
            best = find_path(after, [start], before[start], len(best) - 1 if best else len(after)) or best
            _remove([start], after, before)  # every ring through it has been seen
    return best


def connect(successors: Mapping[Node, Iterable[Node]]) -> tuple[tuple[Node, ...], ...]:
    """As `find_components`, of a table node -> what it depends on, in which every node is a key.

    One depth-first walk: open nodes stand in the order they were met, and an edge back to one of them makes all that
    was met since part of its component. Without recursion, because a chain of imports is longer than Python's stack.
    """
    settled = len(successors)
    place: dict[Node, int] = {}  # where an open node stands in `opened`; `settled` once its component is known
    opened: list[Node] = []
    starts: list[int] = []  # where in `opened` a component begins, as far as the walk knows
    path: list[int] = []  # where in `opened` the nodes of the current path stand
    pending: list[Iterator[Node]] = [iter(successors)]
    found: list[tuple[Node, ...]] = []
    while True:
        for node in pending[-1]:
            number = place.get(node)
            if number is None:
                place[node] = len(opened)
                starts.append(len(opened))
                path.append(len(opened))
                opened.append(node)
                pending.append(iter(successors[node]))
                break
            if number < settled:
                while starts[-1] > number:
                    starts.pop()
        else:
            pending.pop()
            if not pending:
                return tuple(sorted(found))
            start = path.pop()
            if start == starts[-1]:
                starts.pop()
                component = opened[start:]
                del opened[start:]
                for node in component:
                    place[node] = settled
                if len(component) > 1:
                    found.append(tuple(sorted(component)))


def find_path(
    successors: Mapping[Node, Iterable[Node]], starts: Iterable[Node], ends: Collection[Node], longest: int
) -> tuple[Node, ...]:
    """The first of the shortest paths from any of `starts` to any of `ends`, of at most `longest` nodes, else empty.

    First in the order in which starts and successors are given.
    """
    reached_from: dict[Node, Node | None] = dict.fromkeys(starts)
    frontier = list(reached_from)
    for node in frontier:
        if node in ends:
            return (node,)
    for _ in range(longest - 1):
        following: list[Node] = []
        for node in frontier:
            for target in successors[node]:
                if target not in reached_from:
                    reached_from[target] = node
                    if target in ends:
                        return _retrace(target, reached_from)
                    following.append(target)
        if not following:
            break
        frontier = following
    return ()


def _retrace(end: Node, reached_from: Mapping[Node, Node | None]) -> tuple[Node, ...]:
    path = [end]
    while (node := reached_from[path[-1]]) is not None:
        path.append(node)
    return tuple(reversed(path))


def _remove(nodes: list[str], after: dict[str, dict[str, None]], before: dict[str, dict[str, None]]) -> None:
    """Take nodes out of both tables, and then whatever no longer lies between two others."""
    while nodes:
        node = nodes.pop()
        for target in after.pop(node, ()):
            del before[target][node]
            if not before[target]:
                nodes.append(target)
        for source in before.pop(node, ()):
            del after[source][node]
            if not after[source]:
                nodes.append(source)

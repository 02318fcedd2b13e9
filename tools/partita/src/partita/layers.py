"""How high each node stands above what depends on nothing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partita.graph import Graph


def find_layers(graph: Graph, components: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Node -> steps of the longest chain of dependencies below it; 0 for a node that depends on nothing.

    `components` are the strongly connected ones of two or more nodes: a cycle stands on one layer.
    """
    leader = {node: node for node in graph.nodes}
    leader.update((node, component[0]) for component in components for node in component)
    below: dict[str, set[str]] = {name: set() for name in leader.values()}
    above: dict[str, set[str]] = {name: set() for name in below}
    for edge in graph.edges:
        upper, lower = leader[edge.source], leader[edge.target]
        if upper != lower:
            below[upper].add(lower)
            above[lower].add(upper)
    waiting = {name: len(lower) for name, lower in below.items()}
    height = dict.fromkeys(below, 0)
    ready = [name for name, count in waiting.items() if not count]
    while ready:
        lower = ready.pop()
        for upper in above[lower]:
            height[upper] = max(height[upper], height[lower] + 1)
            waiting[upper] -= 1
            if not waiting[upper]:
                ready.append(upper)
    return {node: height[leader[node]] for node in graph.nodes}

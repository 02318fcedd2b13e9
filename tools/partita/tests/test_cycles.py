"""Every answer is compared with networkx and with a reference that is too slow to be wrong."""

from __future__ import annotations

import time
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.cycles import connect, find_components, find_path, shortest_cycle, split
from partita.graph import Edge, Evidence, Graph

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACE = (Evidence("toplevel", "a.py", 1),)


def create_graph(pairs: Iterable[tuple[str, str]], nodes: Iterable[str] = ()) -> Graph:
    pairs = sorted(set(pairs))
    return Graph(
        tuple(sorted({*nodes, *(name for pair in pairs for name in pair)})),
        tuple(Edge(*pair, PLACE) for pair in pairs),
    )


def to_networkx(graph: Graph) -> nx.DiGraph:
    made = nx.DiGraph()
    made.add_nodes_from(graph.nodes)
    made.add_edges_from((edge.source, edge.target) for edge in graph.edges)
    return made


def find_mutual(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The slow reference: a transitive closure, and nodes that reach each other."""
    reach = {node: {edge.target for edge in graph.edges if edge.source == node} for node in graph.nodes}
    for middle in graph.nodes:
        for node in graph.nodes:
            if middle in reach[node]:
                reach[node] |= reach[middle]
    groups = {tuple(b for b in graph.nodes if b in reach[a] and a in reach[b]) for a in graph.nodes}
    return tuple(sorted(group for group in groups if len(group) > 1))


def list_rings(graph: Graph, component: Iterable[str]) -> list[tuple[str, ...]]:
    """The slow reference: every ring, from its smallest node on, the shortest and first one first."""
    pairs = {(edge.source, edge.target) for edge in graph.edges}
    members = sorted(component)
    rings = [
        ring
        for size in range(2, len(members) + 1)
        for ring in permutations(members, size)
        if ring[0] == min(ring) and all(step in pairs for step in pairwise((*ring, ring[0])))
    ]
    return sorted(rings, key=lambda ring: (len(ring), ring))


def graphs(nodes: str) -> st.SearchStrategy[Graph]:
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)).filter(lambda pair: pair[0] != pair[1])
    return st.sets(pairs, max_size=20).map(lambda found: create_graph(found, nodes))


@given(graphs("abcdefgh"))
def test_components_are_those_of_networkx_and_of_a_transitive_closure(graph: Graph) -> None:
    theirs = [tuple(sorted(c)) for c in nx.strongly_connected_components(to_networkx(graph)) if len(c) > 1]
    assert find_components(graph) == tuple(sorted(theirs)) == find_mutual(graph)


@given(graphs("abcdef"))
def test_the_shortest_cycle_is_the_first_of_all_rings(graph: Graph) -> None:
    for component in find_components(graph):
        assert shortest_cycle(graph, component) == list_rings(graph, component)[0]


@given(graphs("abcdefgh"))
def test_the_shortest_cycle_has_the_girth_that_networkx_finds(graph: Graph) -> None:
    for component in find_components(graph):
        made = to_networkx(graph).subgraph(component)
        lengths = dict(nx.all_pairs_shortest_path_length(made))
        girth = min(lengths[target][source] + 1 for source, target in made.edges)
        assert len(shortest_cycle(graph, component)) == girth


@given(graphs("abcdef"))
def test_what_is_split_is_what_lies_inside(graph: Graph) -> None:
    components = find_components(graph)
    for component, part in zip(components, split(graph, components), strict=True):
        inside = [edge for edge in graph.edges if edge.source in component and edge.target in component]
        assert part == Graph(component, tuple(inside))


@given(graphs("abcdef"), st.integers(1, 6))
def test_a_path_is_a_shortest_one_and_the_first_of_these(graph: Graph, longest: int) -> None:
    paths = list(nx.all_shortest_paths(to_networkx(graph), "a", "f")) if _reaches(graph) else []
    wanted = min(map(tuple, paths), default=())
    assert find_path(graph.successors(), ["a"], {"f"}, longest) == (wanted if len(wanted) <= longest else ())


def _reaches(graph: Graph) -> bool:
    return bool(nx.has_path(to_networkx(graph), "a", "f"))


def test_a_path_may_be_a_single_node() -> None:
    assert find_path({"a": []}, ["a"], {"a"}, 1) == ("a",)


def test_a_node_that_depends_on_itself_is_no_cycle() -> None:
    graph = create_graph([("a", "a"), ("a", "b")])
    assert find_components(graph) == ()
    assert shortest_cycle(graph, "ab") == ()


def test_nodes_without_a_cycle_have_no_shortest_one() -> None:
    assert shortest_cycle(create_graph([("a", "b"), ("b", "c"), ("a", "c")]), "abc") == ()


def test_a_component_is_asked_alone() -> None:
    graph = create_graph([("a", "b"), ("b", "a"), ("x", "y"), ("y", "z"), ("z", "x")])
    assert shortest_cycle(graph, ("x", "y", "z")) == ("x", "y", "z")


def test_a_chain_longer_than_the_stack_is_walked() -> None:
    names = [f"n{number:05}" for number in range(20_000)]
    graph = create_graph([*pairwise(names), (names[-1], names[0])])
    assert find_components(graph) == (tuple(names),)
    assert shortest_cycle(graph, names) == tuple(names)


def test_a_graph_with_endless_simple_cycles_is_answered_at_once() -> None:
    names = [f"n{number:03}" for number in range(150)]
    graph = create_graph((source, target) for source in names for target in names if source != target)
    assert shortest_cycle(graph, find_components(graph)[0]) == ("n000", "n001")


@pytest.mark.parametrize("back", [0, 100])
def test_fifty_thousand_modules_take_no_time_to_speak_of(back: int) -> None:
    """Every check runs this: 0.1 s on one core. The limit here only tells linear from anything worse."""
    number = 50_000
    pairs = {(f"m{n:05}", f"m{n * factor % number:05}") for n in range(1, number) for factor in (7919, 104_729, 31)}
    forward = [(a, b) if a > b else (b, a) for a, b in pairs if a != b]
    closing = [(target, source) for source, target in forward[:: len(forward) // back]] if back else []
    graph = create_graph([*forward, *closing])
    started = time.perf_counter()
    components = find_components(graph)
    took = time.perf_counter() - started
    assert bool(components) == bool(back)
    assert took < 3


def test_numbers_are_nodes_as_well_as_names() -> None:
    assert connect({0: [1], 1: [0, 2], 2: []}) == ((0, 1),)

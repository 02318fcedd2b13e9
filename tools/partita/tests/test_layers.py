from __future__ import annotations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.cycles import find_components
from partita.graph import Edge, Evidence, Graph
from partita.layers import find_layers
from partita.sketches import sketch

NAMES = [f"n{number}" for number in range(8)]
pairs = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1]))


@settings(deadline=None)
@given(pairs)
def test_a_layer_is_the_longest_chain_below_where_cycles_count_as_one(edges: set[tuple[str, str]]) -> None:
    places = (Evidence("runtime", "pyproject.toml", 1),)
    graph = Graph(tuple(NAMES), tuple(Edge(source, target, places) for source, target in sorted(edges)))

    reference = nx.condensation(nx.DiGraph(graph.successors()))
    expected: dict[str, int] = {}
    for group in nx.topological_sort(reference.reverse()):
        height = max(
            (expected[next(iter(reference.nodes[below]["members"]))] + 1 for below in reference[group]), default=0
        )
        expected.update(dict.fromkeys(reference.nodes[group]["members"], height))
    assert find_layers(graph, find_components(graph)) == expected


def test_a_chain_longer_than_the_stack_of_python_has_a_layer_for_each_node() -> None:
    length = 3000
    graph = sketch("\n".join(f"n{number:04} -> n{number + 1:04} runtime" for number in range(length))).graph

    assert find_layers(graph, ())["n0000"] == length

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from partita.blocks import find_blocks

ARCS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda ends: ends[0] != ends[1]), max_size=20, unique=True
)


@given(ARCS)
def test_blocks_are_the_biconnected_pieces_that_networkx_finds(arcs: list[tuple[int, int]]) -> None:
    theirs = [
        sorted(number for number, ends in enumerate(arcs) if ends in piece or ends[::-1] in piece)
        for piece in map(set, nx.biconnected_component_edges(nx.Graph(arcs)))
    ]
    assert find_blocks(arcs) == tuple(sorted(map(tuple, theirs)))


@given(ARCS)
def test_every_arc_stands_in_one_block(arcs: list[tuple[int, int]]) -> None:
    assert sorted(number for block in find_blocks(arcs) for number in block) == list(range(len(arcs)))


def test_two_rings_that_share_a_node_are_two_blocks() -> None:
    assert find_blocks([(0, 1), (1, 0), (1, 2), (2, 3), (3, 1)]) == ((0, 1), (2, 3, 4))


def test_a_chain_longer_than_the_stack_is_walked() -> None:
    arcs = [(number, number + 1) for number in range(20_000)]
    assert len(find_blocks(arcs)) == len(arcs)
    assert find_blocks([*arcs, (20_000, 0)]) == (tuple(range(20_001)),)

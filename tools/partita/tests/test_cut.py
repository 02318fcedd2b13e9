"""Minimal cuts, compared with brute force, and with a greedy twin that the same comparison has to catch."""

from __future__ import annotations

import random
import sys
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.cut import Cut, minimum_cut
from partita.cycles import connect
from partita.graph import Edge, Evidence, Graph
from partita.packing import UNCUTTABLE, Arcs, pack_cycles

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Pair = tuple[str, str]

PLACE = (Evidence("toplevel", "a.py", 1),)
WEIGHTS = (1, 1, 3, 3, 10, 10, 13, 20)


def create_graph(pairs: Iterable[Pair]) -> Graph:
    pairs = sorted(pairs)
    return Graph(tuple(sorted({name for pair in pairs for name in pair})), tuple(Edge(*pair, PLACE) for pair in pairs))


def is_acyclic(pairs: Collection[Pair]) -> bool:
    after: dict[str, list[str]] = {name: [] for pair in pairs for name in pair}
    for source, target in pairs:
        after[source].append(target)
    return not connect(after)


def try_every_set(weights: Mapping[Pair, int], protected: Collection[Pair], forced: Collection[Pair]) -> int:
    """The weight of the lightest cut, found by trying every set of edges."""
    free = [pair for pair in weights if pair not in protected and pair not in forced]
    chosen = (set(forced).union(some) for size in range(len(free) + 1) for some in combinations(free, size))
    return min(sum(weights[p] for p in cut) for cut in chosen if is_acyclic([p for p in weights if p not in cut]))


def try_every_order(weights: Mapping[Pair, int]) -> int:
    """The weight of the lightest cut, found by building up every order of nodes, the best one for each set of them.

    What is placed last points back to nothing: an edge is cut when its source stands before its target.
    """
    names = sorted({name for pair in weights for name in pair})
    best = {0: 0}
    for placed in range(1, 1 << len(names)):
        here = [name for number, name in enumerate(names) if placed >> number & 1]
        costs = []
        for number, name in enumerate(names):
            if placed >> number & 1:
                backward = sum(weights.get((other, name), 0) for other in here)
                costs.append(best[placed & ~(1 << number)] + backward)
        best[placed] = min(costs)
    return best[(1 << len(names)) - 1]


def create_tangle(nodes: int, edges: int, back: float, seed: int) -> dict[Pair, int]:
    """A graph as monoliths are: nearly layered, with a share of edges that lead back up."""
    chance = random.Random(seed)
    found: dict[Pair, int] = {}
    while len(found) < edges:
        upper, lower = sorted(chance.sample(range(nodes), 2))
        source, target = (lower, upper) if chance.random() < back else (upper, lower)
        found[f"m{source:03}", f"m{target:03}"] = chance.choice(WEIGHTS)
    return found


def check(cut: Cut, weights: Mapping[Pair, int], lightest: int | None = None) -> None:
    """A cut leaves no cycle, needs each of its edges, tells its weight truly and, when it says so, is the lightest."""
    left = [pair for pair in weights if pair not in cut.edges]
    assert is_acyclic(left)
    assert cut.weight == sum(weights[pair] for pair in cut.edges)
    assert cut.lower_bound <= cut.weight
    assert cut.edges == tuple(sorted(cut.edges))
    if lightest is not None:
        assert cut.is_minimal
        assert cut.weight == lightest


@st.composite
def weighted(draw: st.DrawFn, most: int = 9) -> dict[Pair, int]:
    pairs = st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")).filter(lambda pair: pair[0] != pair[1])
    return draw(st.dictionaries(pairs, st.sampled_from(WEIGHTS), max_size=most))


@given(weighted())
def test_the_cut_is_as_light_as_the_best_of_all_sets(weights: dict[Pair, int]) -> None:
    check(minimum_cut(create_graph(weights), weights), weights, try_every_set(weights, (), ()))


@given(st.data())
def test_protected_edges_stay_and_forced_ones_go(data: st.DataObject) -> None:
    weights = data.draw(weighted())
    names = data.draw(st.permutations("abcdef"))
    downward = [pair for pair in weights if names.index(pair[0]) < names.index(pair[1])]
    protected = data.draw(st.sets(st.sampled_from(downward))) if downward else set()
    others = sorted(set(weights) - protected)
    forced = data.draw(st.sets(st.sampled_from(others))) if others else set()
    cut = minimum_cut(create_graph(weights), weights, protected=protected, forced=forced)
    check(cut, weights, try_every_set(weights, protected, forced))
    assert forced <= set(cut.edges) <= set(others)


@pytest.mark.parametrize("seed", range(12))
def test_the_cut_is_as_light_as_the_best_of_all_orders(seed: int) -> None:
    weights = create_tangle(nodes=11, edges=45, back=0.4, seed=seed)
    check(minimum_cut(create_graph(weights), weights), weights, try_every_order(weights))


def cut_greedily(graph: Graph, weights: Mapping[Pair, int]) -> Cut:
    """The broken twin: takes the first good cut for the lightest one."""
    del graph
    pairs = sorted(weights)
    names = sorted({name for pair in pairs for name in pair})
    arcs = Arcs(tuple((names.index(a), names.index(b)) for a, b in pairs), tuple(weights[pair] for pair in pairs))
    chosen, _ = pack_cycles(arcs)
    weight = arcs.weigh(chosen)
    return Cut(tuple(pairs[arc] for arc in chosen), weight, weight)


def count_wrong(solve: Callable[[Graph, Mapping[Pair, int]], Cut]) -> int:
    wrong = 0
    for seed in range(30):
        weights = create_tangle(nodes=9, edges=30, back=0.4, seed=seed)
        try:
            check(solve(create_graph(weights), weights), weights, try_every_order(weights))
        except AssertionError:
            wrong += 1
    return wrong


def test_a_greedy_cut_that_says_it_is_minimal_is_caught() -> None:
    assert count_wrong(cut_greedily) > 0
    assert count_wrong(minimum_cut) == 0


def test_a_component_of_350_modules_is_cut_with_proof() -> None:
    weights = create_tangle(nodes=350, edges=1900, back=0.04, seed=7)
    ring = {(f"m{number:03}", f"m{(number - 1) % 350:03}"): 20 for number in range(350)}
    weights |= ring
    graph = create_graph(weights)
    assert len(connect(graph.successors())[0]) == 350
    cut = minimum_cut(graph, weights, seconds=120)
    check(cut, weights)
    assert cut.is_minimal
    assert cut.obstacle == ""
    assert minimum_cut(graph, weights, seconds=120) == cut
    assert cut_greedily(graph, weights).weight > cut.weight


def test_the_bound_holds_when_time_has_run_out() -> None:
    weights = create_tangle(nodes=60, edges=500, back=0.5, seed=1)
    cut = minimum_cut(create_graph(weights), weights, seconds=0)
    check(cut, weights)
    assert cut.obstacle == "time"
    assert not cut.is_minimal
    assert 0 < cut.lower_bound < cut.weight


def test_the_bound_never_passes_the_lightest_cut() -> None:
    for seed in range(20):
        weights = create_tangle(nodes=9, edges=36, back=0.5, seed=seed)
        cut = minimum_cut(create_graph(weights), weights, seconds=0)
        check(cut, weights)
        assert cut.lower_bound <= try_every_order(weights) <= cut.weight


def test_without_the_solver_a_good_cut_and_its_bound_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    weights = create_tangle(nodes=30, edges=200, back=0.4, seed=2)
    cut = minimum_cut(create_graph(weights), weights)
    check(cut, weights)
    assert cut.obstacle == "solver"
    assert not cut.is_minimal


def test_the_solver_is_not_needed_where_packed_cycles_prove_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    weights = {("a", "b"): 10, ("b", "c"): 3, ("c", "a"): 10, ("c", "d"): 10, ("d", "c"): 13}
    assert minimum_cut(create_graph(weights), weights) == Cut((("b", "c"), ("c", "d")), 13, 13)


def test_a_graph_without_a_cycle_needs_no_cut() -> None:
    weights = {("a", "b"): 10, ("a", "c"): 10}
    assert minimum_cut(create_graph(weights), weights) == Cut((), 0, 0)
    assert minimum_cut(Graph((), ()), {}) == Cut((), 0, 0)


def test_what_has_to_go_anyway_may_be_all_that_is_needed() -> None:
    weights = {("a", "b"): 10, ("b", "c"): 3, ("c", "a"): 20}
    cut = minimum_cut(create_graph(weights), weights, forced={("c", "a")})
    assert cut == Cut((("c", "a"),), 20, 20)


def test_protected_edges_that_form_a_cycle_are_refused() -> None:
    weights = {("a", "b"): 1, ("b", "a"): 1}
    with pytest.raises(ValueError, match="form a cycle"):
        minimum_cut(create_graph(weights), weights, protected=set(weights))


@given(weighted(most=20))
def test_packed_cycles_bound_the_cut_they_give(weights: dict[Pair, int]) -> None:
    pairs = sorted(weights)
    arcs = Arcs(tuple(("abcdef".index(a), "abcdef".index(b)) for a, b in pairs), tuple(weights[p] for p in pairs))
    cut, bound = pack_cycles(arcs)
    check(Cut(tuple(pairs[arc] for arc in cut), arcs.weigh(cut), bound), weights)
    for arc in cut:
        assert not is_acyclic([pair for pair in pairs if pairs.index(pair) == arc or pairs.index(pair) not in cut])


def test_packed_cycles_never_cut_what_must_stay() -> None:
    arcs = Arcs(((0, 1), (1, 2), (2, 0), (2, 1)), (UNCUTTABLE, 5, UNCUTTABLE, 1))
    assert pack_cycles(arcs) == ([1], 5)

from __future__ import annotations

from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from partita.configuration import Tier
from partita.cut import Cut
from partita.cycles import find_components
from partita.graph import MODULE_KINDS, Edge, Evidence, Graph, merge_edges
from partita.story import EDGE_SETS, Counts, Scene, count_imports, find_cycles, find_sizes, rank_cuts, tell, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from partita.story import Cycle, Story

    #: Source, target, kind and line; the file is that of the source.
    Line = tuple[str, str, str, int]


def create_graph(lines: Iterable[Line]) -> Graph:
    found: dict[tuple[str, str], list[Evidence]] = {}
    for source, target, kind, line in lines:
        found.setdefault((source, target), []).append(Evidence(kind, f"{source}.py", line))
    return Graph(tuple(sorted({name for pair in found for name in pair})), merge_edges(found))


def tell_packages(declared: Graph, imports: Graph, scene: Scene | None = None) -> Story:
    """The story of the first cycle; the package of a module is the first letter of its name."""
    owner_of = {name: name[0] for name in imports.nodes}
    return tell(find_cycles(declared, "packages")[0], scene or Scene(imports, owner_of))


def tell_modules(graph: Graph) -> Story:
    """The story of the widest cycle of modules, all of one package."""
    return tell(find_cycles(graph, "modules")[-1], Scene(graph, dict.fromkeys(graph.nodes, "one")))


def searches(cycles: Iterable[Cycle]) -> list[tuple[str, str, str]]:
    return [(cycle.edge_set.name, "".join(cycle.graph.nodes), cycle.same_as) for cycle in cycles]


def pairs(edges: Iterable[Edge]) -> list[str]:
    return [f"{edge.source}{edge.target}" for edge in edges]


BOTH_WAYS = create_graph([("a", "b", "runtime", 5), ("b", "a", "runtime", 6)])


def test_each_set_of_edges_is_searched_apart() -> None:
    graph = create_graph(
        [
            ("a", "b", "toplevel", 1),
            ("b", "a", "toplevel", 1),
            ("b", "c", "toplevel", 2),
            ("c", "a", "type-checking", 1),
            ("d", "e", "lazy", 1),
            ("e", "d", "lazy", 1),
        ]
    )
    assert searches(find_cycles(graph, "modules")) == [
        ("toplevel", "ab", ""),
        ("runtime", "ab", "toplevel"),
        ("runtime", "de", ""),
        ("all", "abc", ""),
        ("all", "de", "runtime"),
    ]


def test_packages_are_searched_by_what_they_declare() -> None:
    graph = create_graph(
        [("a", "b", "runtime", 1), ("b", "a", "optional", 2), ("c", "d", "dev", 3), ("d", "c", "runtime", 4)]
    )
    assert searches(find_cycles(graph, "packages")) == [
        ("runtime+optional", "ab", ""),
        ("runtime+optional+dev", "ab", "runtime+optional"),
        ("runtime+optional+dev", "cd", ""),
    ]


def test_sizes_tell_how_a_cycle_grows_with_each_kind() -> None:
    graph = create_graph(
        [
            ("a", "b", "toplevel", 1),
            ("b", "a", "toplevel", 1),
            ("b", "c", "lazy", 2),
            ("c", "a", "lazy", 1),
            ("d", "e", "toplevel", 1),
            ("e", "d", "toplevel", 1),
            ("e", "a", "type-checking", 2),
            ("a", "e", "type-checking", 2),
        ]
    )
    cycles = find_cycles(graph, "modules")
    assert {"".join(cycle.graph.nodes): find_sizes(cycle, cycles) for cycle in cycles} == {
        "ab": (2, 3, 5),
        "de": (2, 2, 5),
        "abc": (2, 3, 5),
        "abcde": (4, 5, 5),
    }


def test_the_ring_of_modules_is_the_loop_and_carries_its_lines() -> None:
    graph = create_graph([("a", "b", "toplevel", 3), ("a", "b", "toplevel", 9), ("b", "a", "lazy", 7)])
    story = tell_modules(graph)
    there = (Evidence("toplevel", "a.py", 3), Evidence("toplevel", "a.py", 9))
    assert story.ring == story.loop == (Edge("a", "b", there), Edge("b", "a", (Evidence("lazy", "b.py", 7),)))
    assert story.cut == Cut((("b", "a"),), 3, 3)
    assert count_imports(story.graph.edges) == Counts(2, 1, 0)


def test_only_statements_of_the_kinds_searched_are_weighed() -> None:
    graph = create_graph(
        [("a", "b", "toplevel", 1), ("a", "b", "lazy", 2), ("b", "a", "toplevel", 1), ("b", "a", "type-checking", 2)]
    )
    weights = {
        cycle.edge_set.name: [weigh(edge) for edge in cycle.graph.edges] for cycle in find_cycles(graph, "modules")
    }
    assert weights == {"toplevel": [10, 10], "runtime": [13, 10], "all": [13, 11]}


def test_a_package_edge_weighs_its_imports_and_a_mere_declaration_one() -> None:
    imports = create_graph(
        [("a1", "b1", "toplevel", 1), ("a1", "b2", "toplevel", 1), ("a2", "b1", "lazy", 4), ("a2", "a1", "toplevel", 1)]
    )
    story = tell_packages(BOTH_WAYS, imports)
    assert story.weights == {("a", "b"): 13, ("b", "a"): 1}
    assert story.cut == Cut((("b", "a"),), 1, 1)
    assert story.ring[0].evidence == (
        Evidence("runtime", "a.py", 5),
        Evidence("toplevel", "a1.py", 1),
        Evidence("lazy", "a2.py", 4),
    )


def test_the_loop_of_files_behind_a_package_cycle_begins_where_it_leaves_a_package() -> None:
    imports = create_graph(
        [
            ("a1", "a2", "toplevel", 1),
            ("a2", "b1", "toplevel", 2),
            ("b1", "b2", "lazy", 3),
            ("b2", "a1", "type-checking", 4),
            ("a1", "a3", "toplevel", 5),
            ("a3", "a1", "toplevel", 6),
        ]
    )
    assert pairs(tell_packages(BOTH_WAYS, imports).loop) == ["a2b1", "b1b2", "b2a1", "a1a2"]


def test_no_loop_of_files_means_that_only_the_grouping_closes_the_cycle() -> None:
    imports = create_graph([("a1", "b1", "toplevel", 1), ("b2", "a2", "toplevel", 2)])
    story = tell_packages(BOTH_WAYS, imports)
    assert story.loop == ()
    assert [len(edge.evidence) for edge in story.ring] == [2, 2]


def test_an_import_that_nothing_declares_takes_no_part_in_the_loop() -> None:
    declared = create_graph(
        [("a", "b", "runtime", 1), ("b", "c", "runtime", 1), ("c", "a", "runtime", 1)],
    )
    imports = create_graph(
        [("a1", "b1", "toplevel", 1), ("b1", "a1", "toplevel", 1), ("b1", "c1", "lazy", 2), ("c1", "a1", "lazy", 3)]
    )
    assert pairs(tell_packages(declared, imports).loop) == ["a1b1", "b1c1", "c1a1"]


@given(
    st.sets(
        st.tuples(
            st.sampled_from(["a1", "a2", "a3", "b1", "b2", "b3"]), st.sampled_from(["a1", "a2", "b1", "b2", "b3"])
        ).filter(lambda pair: pair[0] != pair[1])
    )
)
def test_the_loop_is_as_short_as_the_shortest_of_all_that_cross(found: set[tuple[str, str]]) -> None:
    imports = create_graph((source, target, "toplevel", 1) for source, target in found)
    names = sorted({name for pair in found for name in pair})
    lengths = [
        size
        for size in range(2, len(names) + 1)
        for ring in permutations(names, size)
        if len({name[0] for name in ring}) > 1 and found.issuperset(pairwise((*ring, ring[0])))
    ]
    loop = tell_packages(BOTH_WAYS, imports).loop
    assert len(loop) == min(lengths, default=0)
    assert all(left.target == right.source for left, right in pairwise((*loop, *loop[:1])))
    assert not loop or loop[0].source[0] != loop[0].target[0]


def test_the_order_of_tiers_decides_what_is_cut() -> None:
    low = Tier("low", ("a",), (), independent=False)
    high = Tier("high", ("b",), ("low",), independent=False)
    imports = create_graph([("a1", "b1", "toplevel", 1), ("a1", "b1", "toplevel", 2), ("b1", "a1", "type-checking", 1)])
    owner_of = {"a1": "a", "b1": "b"}
    tiered = Scene(imports, owner_of, {}, (low, high), {"a": "low", "b": "high"})
    assert tell_packages(BOTH_WAYS, imports).cut == Cut((("b", "a"),), 1, 1)
    assert tell_packages(BOTH_WAYS, imports, tiered).cut == Cut((("a", "b"),), 20, 20)


def users_of(hub: str, number: int) -> list[Line]:
    return [(f"user{n}", hub, "toplevel", 1) for n in range(number)]


def test_a_most_used_module_loses_no_user_unless_it_may() -> None:
    graph = create_graph([*users_of("hub", 9), ("hub", "top", "toplevel", 1), ("top", "hub", "type-checking", 1)])
    owner_of = dict.fromkeys(graph.nodes, "one")
    cycle = find_cycles(graph, "modules")[-1]
    users = dict.fromkeys(graph.nodes, 1) | {"hub": 10}
    assert tell(cycle, Scene(graph, owner_of, users)).cut == Cut((("hub", "top"),), 10, 10)
    assert tell(cycle, Scene(graph, owner_of)).cut == Cut((("top", "hub"),), 1, 1)


def test_a_hub_is_one_among_the_modules_of_its_own_packages() -> None:
    graph = create_graph([*users_of("hub", 9), ("hub", "top", "toplevel", 1), ("top", "hub", "type-checking", 1)])
    cycle = find_cycles(graph, "modules")[-1]
    users = dict.fromkeys(graph.nodes, 1) | {"hub": 10}
    elsewhere = {f"other{n}": "two" for n in range(1000)}
    apart = Scene(graph, dict.fromkeys(graph.nodes, "one") | elsewhere, users)
    together = Scene(graph, dict.fromkeys([*graph.nodes, *elsewhere], "one"), users)
    assert tell(cycle, apart).protection.hubs == ("hub",)
    assert tell(cycle, together).protection.hubs == ()


def test_cuts_are_ranked_by_what_they_leave() -> None:
    ring = [(f"m{n}", f"m{(n + 1) % 6}", "toplevel", 1) for n in range(6)]
    graph = create_graph([*ring, ("m1", "m0", "toplevel", 2), ("m5", "m0", "lazy", 2), ("m2", "m1", "toplevel", 2)])
    story = tell_modules(graph)
    ranked = rank_cuts(story, limit=10)
    left = [size for _, size in ranked]
    assert sorted(pairs(edge for edge, _ in ranked)) == sorted(f"{a}{b}" for a, b in story.cut.edges)
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert rank_cuts(story, limit=1) == ranked[:1]


def test_one_statement_that_leads_to_two_modules_counts_once() -> None:
    place = Evidence("toplevel", "a.py", 1)
    assert count_imports([Edge("a", "b", (place,)), Edge("a", "c", (place,))]) == Counts(1, 0, 0)


def test_without_a_cycle_there_is_no_story() -> None:
    assert find_cycles(create_graph([("a", "b", "toplevel", 1)]), "modules") == ()


def test_more_cuts_than_can_be_ranked_stand_in_the_order_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.story._RANKED", 0)
    pairs_of = [(f"m{n}", f"m{n + 1}", "toplevel", 1) for n in range(4)]
    back = [(target, source, "lazy", 2) for source, target, _, _ in pairs_of]
    story = tell_modules(create_graph([*pairs_of, *back]))
    ranked = rank_cuts(story, limit=10)
    assert [(*pairs([edge]), left) for edge, left in ranked] == [("m1m0", 4), ("m2m1", 3), ("m3m2", 2), ("m4m3", 0)]


@given(
    st.sets(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.sampled_from(MODULE_KINDS)).filter(
            lambda found: found[0] != found[1]
        ),
        max_size=24,
    )
)
def test_every_search_finds_what_it_would_find_alone(found: set[tuple[str, str, str]]) -> None:
    graph = create_graph((source, target, kind, 1) for source, target, kind in found)
    alone = [
        (edge_set.name, component)
        for edge_set in EDGE_SETS
        if edge_set.level == "modules"
        for component in find_components(graph.restricted_to(edge_set.kinds))
    ]
    cycles = find_cycles(graph, "modules")
    assert [(cycle.edge_set.name, cycle.graph.nodes) for cycle in cycles] == alone
    for cycle in cycles:
        assert set(cycle.graph.edges) <= set(graph.restricted_to(cycle.edge_set.kinds).edges)

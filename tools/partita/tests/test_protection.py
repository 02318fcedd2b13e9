from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from partita.configuration import Tier
from partita.cycles import connect
from partita.graph import Edge, Evidence, Graph
from partita.protection import Protection, count_users, find_hubs, protect

if TYPE_CHECKING:
    from collections.abc import Iterable

    Pair = tuple[str, str]

LOW = Tier("low", ("l", "m"), (), independent=False)
HIGH = Tier("high", ("h",), ("low",), independent=False)
BESIDE = Tier("beside", ("b",), (), independent=False)
TIER_OF = {"l": "low", "m": "low", "h": "high", "b": "beside", "x": None}


def create_graph(pairs: Iterable[Pair], kind: str = "runtime") -> Graph:
    pairs = sorted(pairs)
    place = (Evidence(kind, "pyproject.toml", 1),)
    return Graph(tuple(sorted({name for pair in pairs for name in pair})), tuple(Edge(*pair, place) for pair in pairs))


def test_users_are_counted_but_not_those_inside_the_package() -> None:
    graph = create_graph([("a", "p"), ("b", "p"), ("p.x", "p"), ("p", "p.x"), ("px", "p")])
    assert count_users(graph) == {"a": 0, "b": 0, "p": 3, "p.x": 1, "px": 0}


def test_hubs_are_used_twice_as_often_as_the_root_of_all() -> None:
    users = {"a": 20, "b": 19, "c": 40, "d": 20, "elsewhere": 90}
    assert find_hubs(users, "abcd", population=100) == ("c", "a", "d")
    assert find_hubs(users, "abcd", population=101) == ("c",)
    assert find_hubs(users, "abcd", population=401) == ()


def test_what_tiers_allow_stays_and_what_is_against_their_order_goes() -> None:
    graph = create_graph([("h", "l"), ("l", "h"), ("l", "m"), ("m", "l"), ("x", "l"), ("l", "x")])
    assert protect(graph, TIER_OF, (LOW, HIGH)) == Protection(frozenset({("h", "l")}), frozenset({("l", "h")}))


def test_tiers_that_stand_beside_each_other_say_nothing() -> None:
    graph = create_graph([("h", "b"), ("b", "h")])
    assert protect(graph, TIER_OF, (LOW, HIGH, BESIDE)) == Protection()


def test_a_test_that_needs_a_higher_tier_is_not_against_the_order() -> None:
    graph = create_graph([("l", "h")], kind="dev")
    assert protect(graph, TIER_OF, (LOW, HIGH)).forced == frozenset()


def test_tiers_that_use_each_other_protect_nothing_on_a_cycle() -> None:
    low, high = LOW._replace(uses=("high",)), HIGH
    graph = create_graph([("h", "l"), ("l", "h"), ("h", "m")])
    assert protect(graph, TIER_OF, (low, high)) == Protection(
        frozenset({("h", "m")}), frozenset(), (("h", "l"), ("l", "h"))
    )


def test_a_hub_keeps_its_users() -> None:
    graph = create_graph([("a", "hub"), ("b", "hub"), ("hub", "a"), ("hub", "b")])
    assert protect(graph, {}, (), ("hub",)) == Protection(
        frozenset({("a", "hub"), ("b", "hub")}), frozenset(), (), ("hub",)
    )


def test_of_two_hubs_that_use_each_other_the_more_used_one_keeps_its_users() -> None:
    graph = create_graph([("a", "b"), ("b", "a"), ("c", "b"), ("b", "c")])
    assert protect(graph, {}, (), ("a", "b")) == Protection(
        frozenset({("b", "a"), ("c", "b")}), frozenset(), (("a", "b"),), ("a", "b")
    )


def test_tiers_come_before_hubs() -> None:
    graph = create_graph([("h", "l"), ("l", "h"), ("l", "m"), ("m", "l")])
    found = protect(graph, TIER_OF, (LOW, HIGH), ("h", "l"))
    assert found == Protection(frozenset({("h", "l"), ("m", "l")}), frozenset({("l", "h")}), (), ("h", "l"))


@given(st.data())
def test_what_is_kept_never_forms_a_cycle(data: st.DataObject) -> None:
    names = "abcdefg"
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda pair: pair[0] != pair[1])
    graph = create_graph(data.draw(st.sets(pairs, min_size=1, max_size=25)))
    tier_of = {name: data.draw(st.sampled_from(["1", "2", "3", None])) for name in names}
    uses = st.lists(st.sampled_from("123"), unique=True).map(tuple)
    tiers = [Tier(name, (), data.draw(uses), independent=False) for name in "123"]
    hubs = data.draw(st.lists(st.sampled_from(graph.nodes), unique=True))
    found = protect(graph, tier_of, tiers, hubs)
    after: dict[str, list[str]] = {node: [] for node in graph.nodes}
    for source, target in found.kept:
        after[source].append(target)
    assert connect(after) == ()
    assert not found.kept & found.forced
    assert not found.kept.intersection(found.relaxed)

from __future__ import annotations

import itertools

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.errors import PartitaError
from partita.graph import Edge, Evidence, Graph
from partita.paths import check_known, find_neighbourhood, find_paths, paths_document
from partita.sketches import sketch

NAMES = [f"n{number}" for number in range(8)]
pairs = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda pair: pair[0] != pair[1]))
names = st.sampled_from(NAMES)


def graph_of(edges: set[tuple[str, str]]) -> Graph:
    places = (Evidence("runtime", "pyproject.toml", 1),)
    return Graph(tuple(NAMES), tuple(Edge(source, target, places) for source, target in sorted(edges)))


def reference_of(edges: set[tuple[str, str]]) -> nx.DiGraph[str]:
    reference: nx.DiGraph[str] = nx.DiGraph(sorted(edges))
    reference.add_nodes_from(NAMES)
    return reference


def all_shortest(edges: set[tuple[str, str]], source: str, target: str) -> list[tuple[str, ...]]:
    """What a slow plain search says; a way from a node to itself goes round once."""
    reference = reference_of(edges)
    if source == target:
        reference.add_edges_from([(before, "goal") for before, after in edges if after == target])
    try:
        found = nx.all_shortest_paths(reference, source, "goal" if source == target else target)
        return sorted((*path[:-1], target) for path in found)
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        return []


@settings(deadline=None)
@given(pairs, names, names)
def test_the_paths_are_those_of_a_plain_search(edges: set[tuple[str, str]], source: str, target: str) -> None:
    paths = find_paths(graph_of(edges), source, target)

    expected = all_shortest(edges, source, target)
    assert list(paths.listed(limit=10_000)) == expected
    assert paths.number == len(expected)
    assert {(edge.source, edge.target) for edge in paths.edges} == {
        step for path in expected for step in itertools.pairwise(path)
    }


@settings(deadline=None)
@given(pairs, names, names)
def test_every_step_leads_from_the_one_before_to_the_one_after(
    edges: set[tuple[str, str]], source: str, target: str
) -> None:
    steps = find_paths(graph_of(edges), source, target).steps()

    starts = [{edge.source for edge in step} for step in steps]
    ends = [{edge.target for edge in step} for step in steps]
    assert starts[1:] == ends[:-1]
    assert not steps or (starts[0], ends[-1]) == ({source}, {target})


def test_more_paths_than_could_be_listed_are_counted_at_once() -> None:
    floors = 200
    lines = [f"a{n} -> {side}{n} runtime\n{side}{n} -> a{n + 1} runtime" for n in range(floors) for side in "xy"]

    paths = find_paths(sketch("\n".join(lines)).graph, "a0", f"a{floors}")

    assert (paths.number, paths.length, len(paths.edges)) == (2**floors, 2 * floors, 4 * floors)
    assert len(paths.listed()) == 10


@settings(deadline=None)
@given(pairs, names, st.integers(0, 4), st.integers(0, 4))
def test_the_neighbourhood_is_what_lies_so_many_steps_below_and_above(
    edges: set[tuple[str, str]], name: str, dependencies: int, dependents: int
) -> None:
    near = find_neighbourhood(graph_of(edges), [name], dependencies, dependents)

    reference = reference_of(edges)
    below = nx.single_source_shortest_path_length(reference, name, cutoff=dependencies)
    above = nx.single_source_shortest_path_length(reference.reverse(), name, cutoff=dependents)
    kept = {*below, *above}
    assert near == Graph(
        tuple(node for node in NAMES if node in kept),
        tuple(edge for edge in graph_of(edges).edges if {edge.source, edge.target} <= kept),
    )


def test_a_neighbourhood_without_depth_is_everything_that_can_be_reached() -> None:
    graph = sketch("a -> b runtime\nb -> c runtime\nc -> d runtime\ne -> d runtime").graph

    assert find_neighbourhood(graph, ["b"], None, None).nodes == ("a", "b", "c", "d")


def test_the_document_holds_every_step_with_its_places_and_the_paths_written_out() -> None:
    graph = sketch(
        "app -> mail runtime@9\napp -> chat optional@4\nmail -> lib runtime@3 import@7\nchat -> lib import@1"
    ).graph

    assert paths_document(find_paths(graph, "app", "lib")) == {
        "from": "app",
        "to": "lib",
        "length": 2,
        "count": 2,
        "steps": [
            {"from": "app", "to": "chat", "step": 1, "kinds": ["optional"], "evidence": [place("optional", "app", 4)]},
            {"from": "app", "to": "mail", "step": 1, "kinds": ["runtime"], "evidence": [place("runtime", "app", 9)]},
            {"from": "chat", "to": "lib", "step": 2, "kinds": ["import"], "evidence": [place("import", "chat", 1)]},
            {
                "from": "mail",
                "to": "lib",
                "step": 2,
                "kinds": ["runtime", "import"],
                "evidence": [place("import", "mail", 7), place("runtime", "mail", 3)],
            },
        ],
        "paths": [["app", "chat", "lib"], ["app", "mail", "lib"]],
    }


def place(kind: str, member: str, line: int) -> dict[str, object]:
    file = f"src/{member}/__init__.py" if kind == "import" else "pyproject.toml"
    return {"kind": kind, "file": f"packages/{member}/{file}", "line": line}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chat", "no package is named 'chat'; did you mean 'botserver-chat'?"),
        ("botserver-mial", "no package is named 'botserver-mial'; did you mean 'botserver-mail' or 'botserver-chat'?"),
        ("zzz", "no package is named 'zzz'; there are 3, and `partita graph` lists them"),
        ("", "no package is named ''; there are 3, and `partita graph` lists them"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_ones(name: str, message: str) -> None:
    with pytest.raises(PartitaError) as raised:
        check_known(name, ["botlib", "botserver-chat", "botserver-mail"])

    assert raised.value.problems == (message,)

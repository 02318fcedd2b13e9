from __future__ import annotations

import pygraphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.graph import Evidence, Graph, merge_edges
from partita.modules import Module
from partita.reports.dot import render
from partita.reports.looks import LOOKS
from partita.sketches import sketch
from partita.view import GraphView, Link, Node, build_view


def parse(view: GraphView) -> pygraphviz.AGraph:
    return pygraphviz.AGraph(string=render(view))


def shown(label: str) -> str:
    """What Graphviz draws for a label that stands in a file."""
    return label.replace("\\\\", "\\").replace("&amp;", "&")


def test_tiers_are_clusters_and_edges_run_between_them() -> None:
    graph = parse(build_view(*sketch("tier low: lib\ntier high: app\napp -> lib runtime@7")))

    clusters = {cluster.graph_attr["label"]: cluster.nodes() for cluster in graph.subgraphs()}
    assert clusters == {"high": ["app"], "low": ["lib"]}
    assert graph.edges() == [("app", "lib")]
    assert graph.graph_attr["tooltip"] == "2 packages in 2 tiers, 1 dependency, no cycle"
    assert graph.get_node("app").attr["tooltip"] == "app 1.0\\npackages/app"
    assert graph.get_edge("app", "lib").attr["tooltip"] == (
        "app → lib: declared (imports were not read)\\npackages/app/pyproject.toml:7 (runtime)"
    )


def test_an_edge_down_the_tiers_leaves_to_the_right_and_arrives_from_the_left() -> None:
    lines = render(
        build_view(*sketch("tier low: lib\ntier high: app\napp -> lib runtime\nlib -> app dev"))
    ).splitlines()

    assert 'tailport="e", headport="w"]' in next(line for line in lines if line.startswith('  "app" -> "lib"'))
    assert "port" not in next(line for line in lines if line.startswith('  "lib" -> "app"'))


@pytest.mark.parametrize("style", list(LOOKS))
def test_each_style_has_its_line_its_head_and_its_class(style: str) -> None:
    view = build_view(*sketch("a -> b runtime"))
    graph = parse(view._replace(edges=(view.edges[0]._replace(style=style),)))

    drawn = graph.get_edge("a", "b").attr
    assert (drawn["style"], drawn["arrowhead"], drawn["class"]) == (LOOKS[style].line, LOOKS[style].head, style)


def test_a_cycle_is_red_thick_numbered_and_twice_outlined() -> None:
    graph = parse(build_view(*sketch("a -> b runtime\nb -> a runtime\nb -> c runtime\nc -> b dev")))

    assert [graph.get_node(name).attr["label"] for name in "abc"] == ["a ↻1", "b ↻1", "c ↻2"]
    assert [graph.get_node(name).attr["peripheries"] for name in "abc"] == ["2", "2", ""]
    assert [graph.get_edge(*ends).attr["class"] for ends in ("ab", "ba", "bc")] == [
        "declared cycle",
        "declared cycle",
        "declared",
    ]
    assert graph.get_edge("a", "b").attr["penwidth"] == "2.5"


def test_a_tooltip_names_the_first_places_and_counts_the_rest() -> None:
    graph = parse(build_view(*sketch("a -> b import@1,2,3,4,5,6,7")))

    told = graph.get_edge("a", "b").attr["tooltip"].split("\\n")
    assert told[5:] == ["packages/a/src/a/__init__.py:5 (import)", "and 2 more"]


def test_what_the_graph_was_narrowed_to_is_outlined_boldly() -> None:
    workspace, graph = sketch("a -> b runtime")

    drawn = parse(build_view(workspace, graph, focus=["b"]))
    assert [drawn.get_node(name).attr["style"] for name in "ab"] == ["filled,rounded", "filled,rounded,bold"]


def test_a_legend_appears_only_when_a_line_needs_one() -> None:
    plain = render(build_view(*sketch("a -> b runtime")))
    dashed = parse(build_view(*sketch("a -> b runtime\na -> c optional")))

    assert "legend" not in plain
    legend = next(part for part in dashed.subgraphs() if part.name == "cluster_legend")
    assert [node.attr["label"] for node in legend.nodes() if node.endswith("words")] == [
        LOOKS["declared"].meaning,
        LOOKS["optional"].meaning,
    ]


def test_modules_are_clustered_by_package_inside_their_tier() -> None:
    modules = [Module(name, name[0], f"{name}.py") for name in ("a.x", "a.y", "b.x")]
    graph = Graph(("a.x", "a.y", "b.x"), merge_edges({("a.x", "b.x"): [Evidence("lazy", "a.x.py", 3)]}))

    drawn = parse(build_view(sketch("tier all: a b").workspace, graph, modules=modules))

    tier = drawn.subgraphs()[0]
    assert {part.graph_attr["label"]: part.nodes() for part in tier.subgraphs()} == {"a": ["a.x", "a.y"], "b": ["b.x"]}


# Graphviz keeps names with a leading percent sign for itself; no package and no module has one.
name = st.text(min_size=1).filter(lambda text: not text.startswith("%"))


@settings(deadline=None)
@given(st.lists(name, min_size=2, max_size=5, unique=True))
def test_graphviz_reads_back_whatever_the_names_are(names: list[str]) -> None:
    nodes = tuple(Node(name, name, name, names[0], "", 0, 0) for name in names)
    places = (Evidence("runtime", names[-1], 1),)
    edges = tuple(Link(names[0], name, ("runtime",), "both", places, 0) for name in names[1:])
    view = GraphView(names[0], "packages", (names[0],), True, nodes, edges, (), 0, ())

    graph = parse(view)

    printable = [name if name.isprintable() else None for name in names]
    drawn = [shown(node.attr["label"]) for node in graph.nodes()]
    assert len(drawn) == len(names)
    assert len(graph.edges()) == len(names) - 1
    assert all(label == name for label, name in zip(drawn, printable, strict=True) if name is not None)


def test_html_is_not_markup_but_text() -> None:
    name = '<b>&lt;"\\N\\"</b>'
    view = build_view(*sketch("a -> b runtime"))

    graph = parse(view._replace(nodes=(view.nodes[0]._replace(name=name),), edges=()))

    assert shown(graph.get_node(name.replace("\\", "\\\\")).attr["label"]) == name

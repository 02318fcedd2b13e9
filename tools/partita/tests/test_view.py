from __future__ import annotations

import pytest

from partita.errors import PartitaError
from partita.graph import Evidence, Graph, merge_edges
from partita.modules import Module
from partita.sketches import sketch
from partita.view import Cycle, Link, Node, build_view, style_of

TIERED = """
    tier foundation: lib
    tier service: chat mail
    tier application: app
    app -> chat runtime
    app -> mail optional
    chat -> lib runtime
    mail -> lib runtime
"""


@pytest.mark.parametrize(
    ("kinds", "alone", "compared"),
    [
        ("runtime", "declared", "declared-only"),
        ("runtime import", "declared", "both"),
        ("runtime lazy", "declared", "both"),
        ("runtime type-checking", "declared", "both"),
        ("runtime test", "declared", "declared-only"),
        ("runtime dev import", "declared", "both"),
        ("import", "import", "imported-only"),
        ("lazy", "lazy", "imported-only"),
        ("dev import", "dev", "imported-only"),
        ("build lazy", "build", "imported-only"),
        ("optional import", "optional", "optional"),
        ("optional dev", "optional", "optional"),
        ("dev test", "dev", "dev"),
        ("dev type-checking", "dev", "dev"),
        ("build", "build", "build"),
        ("type-checking test", "type-checking", "type-checking"),
        ("test", "test", "test"),
        ("toplevel lazy", "import", None),
    ],
)
def test_the_style_of_an_edge_tells_what_it_rests_on(kinds: str, alone: str, compared: str | None) -> None:
    assert style_of(kinds.split(), compared=False) == alone
    assert compared is None or style_of(kinds.split(), compared=True) == compared


def test_a_view_holds_nodes_and_edges_with_the_tiers_highest_first() -> None:
    view = build_view(*sketch(TIERED, root="/somewhere/shop"), problems=3)

    assert (view.title, view.level, view.ordered, view.problems) == ("shop", "packages", True, 3)
    assert view.tiers == ("application", "service", "foundation")
    assert view.nodes[0] == Node("app", "packages/app", "app", "application", "1.0", rank=0, cycle=0)
    assert view.edges[0] == Link(
        "app", "chat", ("runtime",), "declared", (Evidence("runtime", "packages/app/pyproject.toml", 1),), cycle=0
    )
    assert [node.name for node in view.members_of("service")] == ["chat", "mail"]


def test_a_workspace_without_tiers_gets_levels_of_the_longest_chain() -> None:
    view = build_view(*sketch("app -> chat runtime\nchat -> lib runtime\napp -> lib runtime\nother"))

    assert (view.tiers, view.ordered) == (("level 2", "level 1", "level 0"), False)
    assert {node.name: node.tier for node in view.nodes} == {
        "app": "level 2",
        "chat": "level 1",
        "lib": "level 0",
        "other": "level 0",
    }


def test_members_that_no_tier_names_stand_above_all_others() -> None:
    workspace, graph = sketch("tier foundation: lib\nstray -> lib runtime")

    assert build_view(workspace, graph).tiers == ("no tier", "foundation")


def test_ranks_order_the_nodes_of_one_tier_only() -> None:
    view = build_view(*sketch("tier low: a b c\ntier high: d\nd -> a runtime\na -> b runtime\nb -> c runtime"))

    assert {node.name: node.rank for node in view.nodes} == {"a": 2, "b": 1, "c": 0, "d": 0}


def test_a_cycle_that_run_time_needs_close_is_binding_and_any_other_is_legal() -> None:
    view = build_view(
        *sketch("a -> b runtime\nb -> a import\nb -> c runtime\nc -> a dev\nx -> y runtime\ny -> x optional")
    )

    assert view.cycles == (
        Cycle(("a", "b"), binding=True),
        Cycle(("a", "b", "c"), binding=False),
        Cycle(("x", "y"), binding=False),
    )
    assert {node.name: node.cycle for node in view.nodes} == {"a": 1, "b": 1, "c": 2, "x": 3, "y": 3}
    assert {(edge.source, edge.target): edge.cycle for edge in view.edges} == {
        ("a", "b"): 1,
        ("b", "a"): 1,
        ("b", "c"): 2,
        ("c", "a"): 2,
        ("x", "y"): 3,
        ("y", "x"): 3,
    }
    assert [view.is_binding(number) for number in range(4)] == [False, True, False, False]


def test_a_dev_edge_inside_a_binding_cycle_is_no_part_of_it() -> None:
    view = build_view(*sketch("a -> b runtime\nb -> c runtime\nc -> a runtime\na -> c dev"))

    assert {(edge.source, edge.target): edge.cycle for edge in view.edges}["a", "c"] == 0


def test_focus_narrows_to_what_is_around_a_name_however_it_is_spelt() -> None:
    workspace, graph = sketch("a -> my-lib runtime\nmy-lib -> base runtime\nz -> a runtime\nother")

    near = build_view(workspace, graph, focus=["My_Lib"])
    far = build_view(workspace, graph, focus=["my.lib"], depth=None)

    assert (near.focus, [node.name for node in near.nodes]) == (("my-lib",), ["a", "base", "my-lib"])
    assert [node.name for node in far.nodes] == ["a", "base", "my-lib", "z"]


def test_a_focus_on_an_unknown_name_is_refused() -> None:
    with pytest.raises(PartitaError, match="no package is named 'libb'; did you mean 'lib'"):
        build_view(*sketch("a -> lib runtime"), focus=["libb"])


def test_modules_stand_in_the_tier_of_their_package_or_at_its_level() -> None:
    modules = [
        Module(f"{member}.{name}", member, f"packages/{member}/src/{member}/{name}.py")
        for member, name in [("app", "main"), ("lib", "one"), ("lib", "two")]
    ]
    found = {
        ("app.main", "lib.one"): [Evidence("toplevel", modules[0].file, 1)],
        ("lib.one", "lib.two"): [Evidence("lazy", modules[1].file, 5)],
    }
    graph = Graph(tuple(module.name for module in modules), merge_edges(found))
    tiered, plain = sketch("tier low: lib\ntier high: app").workspace, sketch("app\nlib").workspace

    named = build_view(tiered, graph, modules=modules)
    levels = build_view(plain, graph, modules=modules)

    assert (named.level, named.tiers) == ("modules", ("high", "low"))
    assert named.nodes[1] == Node("lib.one", modules[1].file, "lib", "low", "", rank=1, cycle=0)
    assert [edge.style for edge in named.edges] == ["import", "lazy"]
    assert {node.name: node.tier for node in levels.nodes} == {
        "app.main": "level 1",
        "lib.one": "level 0",
        "lib.two": "level 0",
    }

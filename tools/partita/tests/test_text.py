from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.graph import Evidence, Graph, merge_edges
from partita.modules import Module
from partita.reports.looks import LOOKS
from partita.reports.terminal import Terminal
from partita.reports.text import render
from partita.sketches import sketch
from partita.view import GraphView, build_view

SHOP = """
    tier foundation: lib
    tier service: chat contacts mail
    tier application: app
    tier tool: spare
    app -> chat optional
    app -> mail optional
    chat -> lib runtime import
    contacts -> lib runtime
    contacts -> mail import
    mail -> contacts runtime import
    mail -> lib runtime import
"""
COLOUR = re.compile("\x1b\\[[0-9;]*m")


def check(view: GraphView, expected: str, terminal: Terminal = Terminal(72)) -> None:  # noqa: B008 - a frozen value
    assert render(view, terminal) == dedent(expected).lstrip("\n")


def test_a_graph_is_a_tree_by_tier_with_what_each_member_depends_on() -> None:
    check(
        build_view(*sketch(SHOP), compared=True, problems=1),
        """
        repository: 6 packages, 7 dependencies, 1 cycle, 1 problem

        tool
        └─ spare stands alone

        application
        └─ app ┄┄▷ optional: chat, mail

        service
        ├─ chat        ──▶ lib
        ├─ contacts ↻1 ━━▶ not declared: mail ↻1
        │              ╌╌▷ never imported: lib
        └─ mail ↻1     ──▶ contacts ↻1, lib

        foundation
        └─ lib used by 3

        ↻1 2 packages: contacts, mail
        check-cycles tells which imports close a cycle, and what to cut.
        """,
    )


def test_where_boxes_cannot_be_printed_the_tree_is_ascii() -> None:
    check(
        build_view(*sketch(SHOP), compared=True),
        """
        repository: 6 packages, 7 dependencies, 1 cycle

        tool
        `- spare stands alone

        application
        `- app ..> optional: chat, mail

        service
        |- chat             --> lib
        |- contacts cycle 1 ==> not declared: mail cycle 1
        |                   - > never imported: lib
        `- mail cycle 1     --> contacts cycle 1, lib

        foundation
        `- lib used by 3

        cycle 1 2 packages: contacts, mail
        check-cycles tells which imports close a cycle, and what to cut.
        """,
        Terminal(72, boxes=False),
    )


def test_long_names_and_narrow_screens_are_wrapped_and_nothing_is_cut() -> None:
    check(
        build_view(
            *sketch("a-package-with-a-long-name -> first runtime\na-package-with-a-long-name -> second runtime")
        ),
        """
        repository: 3 packages, 2 dependencies, no cycle

        level 1
        └─ a-package-with-a-long-name
                            ──▶ first, second

        level 0
        ├─ first  used by 1
        └─ second used by 1
        """,
        Terminal(40),
    )


def test_modules_stand_below_their_package() -> None:
    modules = [Module(name, name.partition(".")[0], f"{name}.py") for name in ("app.main", "app.tool", "lib")]
    found = {
        ("app.main", "lib"): [Evidence("toplevel", "app/main.py", 1)],
        ("app.main", "app.tool"): [Evidence("lazy", "app/main.py", 9)],
        ("app.tool", "lib"): [Evidence("type-checking", "app/tool.py", 4)],
    }
    graph = Graph(tuple(module.name for module in modules), merge_edges(found))
    check(
        build_view(sketch("tier all: app lib").workspace, graph, modules=modules),
        """
        repository: 3 modules, 3 dependencies, no cycle

        all
        ├─ app
        │  ├─ app.main ──▶ lib
        │  │           ╌╌▷ lazy: app.tool
        │  └─ app.tool ┄┄▷ type checking: lib
        └─ lib
           └─ lib used by 2
        """,
    )


def test_a_large_graph_is_summed_up_by_tier() -> None:
    leaves = "\n".join(f"leaf-{number:03} -> hub-{number % 7} runtime" for number in range(120))
    text = "tier low: " + " ".join(f"hub-{number}" for number in range(7))
    text += "\ntier high: " + " ".join(f"leaf-{number:03}" for number in range(120))
    check(
        build_view(*sketch(f"{text}\n{leaves}\nhub-0 -> hub-1 runtime\nhub-1 -> hub-0 runtime")),
        """
        repository: 127 packages, 122 dependencies, 1 cycle

        high  120 packages
        └─ needs     low (120)

        low  7 packages, 2 in cycles
        ├─ most used hub-0 (19), hub-1 (18), hub-2 (17), hub-3 (17), hub-4 (17),
        │            2 more
        └─ needs     low (2)

        ↻1 2 packages: hub-0, hub-1
        check-cycles tells which imports close a cycle, and what to cut.

        --focus NAME shows one package and its neighbours, --format html all.
        """,
    )


def test_a_large_graph_of_modules_is_summed_up_with_its_packages() -> None:
    modules = [Module(f"{member}.m{number:03}", member, "m.py") for member in ("app", "lib") for number in range(60)]
    found = {(modules[number].name, modules[60].name): [Evidence("toplevel", "m.py", 1)] for number in range(60)}
    graph = Graph(tuple(module.name for module in modules), merge_edges(found))

    assert render(build_view(sketch("app\nlib").workspace, graph, modules=modules)).splitlines()[2:] == [
        "level 1  60 modules of 1 package",
        "",
        "level 0  60 modules of 1 package",
        "└─ most used lib.m000 (60)",
        "",
        "--focus NAME shows one module and its neighbours, --format html all.",
    ]


def test_a_cycle_without_end_is_cut_short_where_it_is_listed() -> None:
    ring = "\n".join(f"n{number:03} -> n{(number + 1) % 130:03} runtime" for number in range(130))

    text = render(build_view(*sketch(ring)))

    assert "n099 and 30 more" in text.replace("\n   ", " ")


def test_without_a_limit_every_member_of_a_large_graph_is_listed() -> None:
    view = build_view(*sketch("\n".join(f"leaf-{number:03} -> hub runtime" for number in range(200))))

    assert render(view, limit=None).count("──▶ hub") == 200


def test_a_focus_is_named_and_bold() -> None:
    workspace, graph = sketch("a -> b runtime\nb -> c runtime")

    text = render(build_view(workspace, graph, focus=["b"]), Terminal(72, colour=True))

    assert COLOUR.sub("", text).startswith("repository, around b: 3 packages")
    assert "\x1b[1mb\x1b[0m \x1b[2m──▶\x1b[0m c" in text


def test_colour_adds_nothing_but_colour() -> None:
    view = build_view(*sketch(SHOP), compared=True)

    painted = render(view, Terminal(72, colour=True))

    assert "\x1b[1;31mmail ↻1\x1b[0m" in painted
    assert COLOUR.sub("", painted) == render(view, Terminal(72))
    assert "\x1b" not in render(view, Terminal(72))


def test_styles_that_are_not_plain_are_told_in_words_of_their_own() -> None:
    words = [look.words for style, look in LOOKS.items() if style not in ("both", "declared", "import")]

    assert all(words)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("boxes", [True, False])
def test_a_hostile_name_cannot_control_the_terminal(boxes: bool) -> None:
    view = build_view(*sketch("tier \x1b]0;owned\x07: evil\nevil -> lib\x1b[2J runtime"))

    text = render(view, Terminal(72, boxes=boxes))

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\\x1b[2J" in text


names = st.text(alphabet="abcdefgh", min_size=1, max_size=30)


@settings(deadline=None)
@given(st.sets(st.tuples(names, names).filter(lambda pair: pair[0] != pair[1]), min_size=1), st.integers(40, 140))
def test_lines_fit_the_width_unless_one_name_alone_does_not(edges: set[tuple[str, str]], width: int) -> None:
    view = build_view(*sketch("\n".join(f"{source} -> {target} runtime" for source, target in edges)))

    for line in render(view, Terminal(width)).splitlines()[1:]:
        assert len(line) <= width or len(line.split()) <= 4, line

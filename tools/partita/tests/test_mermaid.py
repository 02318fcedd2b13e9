from __future__ import annotations

import re
from textwrap import dedent

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.graph import Evidence, Graph, merge_edges
from partita.modules import Module
from partita.reports.looks import LOOKS
from partita.reports.mermaid import MOST_CHARACTERS, MOST_EDGES, render
from partita.sketches import sketch
from partita.view import GraphView, Node, build_view


def check(view: GraphView, expected: str) -> None:
    assert render(view) == dedent(expected).lstrip("\n")


def test_a_graph_is_a_flowchart_with_a_subgraph_for_each_tier() -> None:
    text = """
        tier low: lib
        tier high: app tool
        app -> lib runtime import
        app -> tool import
        tool -> app import
        tool -> lib optional
    """
    check(
        build_view(*sketch(text), compared=True),
        """
        ---
        title: "repository"
        ---
        flowchart LR
          subgraph t0["high"]
            n0["app ↻1"]
            n2["tool ↻1"]
          end
          subgraph t1["low"]
            n1["lib"]
          end
          n0 --> n1
          n0 ==>|not declared ↻1| n2
          n2 ==>|not declared ↻1| n0
          n2 -.->|optional| n1
          classDef cycle stroke:#c9190b,stroke-width:3px
          class n0,n2 cycle
          linkStyle 1,2 stroke:#c9190b,stroke-width:3px
        """,
    )


def test_modules_stand_in_a_subgraph_of_their_package() -> None:
    modules = [Module(name, name[0], f"{name}.py") for name in ("a.x", "a.y", "b.x")]
    graph = Graph(("a.x", "a.y", "b.x"), merge_edges({("a.x", "b.x"): [Evidence("type-checking", "a.x.py", 3)]}))
    check(
        build_view(sketch("tier all: a b").workspace, graph, modules=modules),
        """
        ---
        title: "repository"
        ---
        flowchart LR
          subgraph t0["all"]
            subgraph n0m["a"]
            n0["a.x"]
            n1["a.y"]
            end
            subgraph n2m["b"]
            n2["b.x"]
            end
          end
          n0 -.->|type checking| n2
        """,
    )


def test_more_than_mermaid_draws_is_drawn_by_tier() -> None:
    leaves = [f"leaf-{number}" for number in range(MOST_EDGES + 1)]
    text = f"tier low: hub\ntier high: {' '.join(leaves)}\n" + "\n".join(f"{leaf} -> hub runtime" for leaf in leaves)
    check(
        build_view(*sketch(text)),
        """
        ---
        title: "repository by tier"
        ---
        flowchart LR
          %% 502 packages and 501 dependencies are more than Mermaid draws: --focus NAME draws some, --format html all.
          t0["high: 501 packages"]
          t1["low: 1 package"]
          t0 -->|501| t1
        """,
    )


def test_more_text_than_mermaid_takes_is_drawn_by_tier_too() -> None:
    text = render(build_view(*sketch("\n".join(f"{'x' * 60}-{number}" for number in range(1000)))))

    assert len(text) < MOST_CHARACTERS
    assert "1,000 packages" in text


def test_words_tell_apart_what_shares_an_arrow() -> None:
    view = build_view(*sketch("a -> b runtime"))

    drawn = {style: render(view._replace(edges=(view.edges[0]._replace(style=style),))) for style in LOOKS}

    assert len(set(drawn.values())) == len(LOOKS) - 2  # the three plain ones look alike


@settings(deadline=None)
@given(st.text(min_size=1))
def test_a_name_is_never_more_than_a_label(name: str) -> None:
    node = Node(name, "", name, name, "", 0, 0)
    text = render(GraphView("title", "packages", (name,), True, (node,), (), (), 0, ()))

    labels = re.findall(r'^ +(?:subgraph )?\w+\["((?:[\w\-./: ↻]|#\d+;)*)"\]$', text, re.MULTILINE)
    assert len(labels) == 2
    assert len(text.splitlines()) == 7

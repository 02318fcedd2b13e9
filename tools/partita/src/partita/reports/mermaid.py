"""The graph as a Mermaid flowchart, for pages that draw one from text: READMEs, issues, summaries of a CI run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.reports.looks import CYCLE_LIGHT, CYCLE_SIGN, LOOKS
from partita.reports.words import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.view import GraphView, Link, Node

#: Mermaid refuses more edges, or more text, unless the page around it allows that: larger graphs are drawn by tier.
MOST_EDGES = 500
MOST_CHARACTERS = 50_000

#: Mermaid has three patterns; words on the edge tell apart what shares one.
_ARROWS = {"solid": "-->", "bold": "==>", "dashed": "-.->", "dotted": "-.->"}
_PLAIN = frozenset("-_./: " + CYCLE_SIGN)


def render(view: GraphView) -> str:
    """The view as a flowchart; above what Mermaid draws by default one node a tier, and a comment that says so."""
    text = "\n".join(_flowchart(view, list(_nodes(view)))) + "\n" if len(view.edges) <= MOST_EDGES else ""
    return text if text and len(text) <= MOST_CHARACTERS else "\n".join(_tiers(view)) + "\n"


def _flowchart(view: GraphView, nodes: list[str]) -> Iterator[str]:
    yield from _heading(view.title)
    yield from nodes
    identifiers = _identifiers(view)
    for edge in view.edges:
        yield f"  {identifiers[edge.source]} {_arrow(edge)} {identifiers[edge.target]}"
    red = [identifiers[node.name] for node in view.nodes if view.is_binding(node.cycle)]
    if red:
        numbers = [str(number) for number, edge in enumerate(view.edges) if view.is_binding(edge.cycle)]
        yield f"  classDef cycle stroke:{CYCLE_LIGHT},stroke-width:3px"
        yield f"  class {','.join(red)} cycle"
        yield f"  linkStyle {','.join(numbers)} stroke:{CYCLE_LIGHT},stroke-width:3px"


def _nodes(view: GraphView) -> Iterator[str]:
    """A subgraph for each tier and, for modules, one for each package inside it."""
    identifiers = _identifiers(view)
    for number, tier in enumerate(view.tiers):
        yield f'  subgraph t{number}["{_escaped(tier)}"]'
        member = ""
        for node in sorted(view.members_of(tier), key=lambda node: (node.member, node.name)):
            if view.level == "modules" and node.member != member:
                if member:
                    yield "    end"
                member = node.member
                yield f'    subgraph {identifiers[node.name]}m["{_escaped(member)}"]'
            yield f'    {identifiers[node.name]}["{_label(node)}"]'
        if member:
            yield "    end"
        yield "  end"


def _tiers(view: GraphView) -> Iterator[str]:
    what = view.level.removesuffix("s")
    size = f"{count(len(view.nodes), what)} and {count(len(view.edges), 'dependency')}"
    yield from _heading(f"{view.title} by tier")
    yield f"  %% {size} are more than Mermaid draws: --focus NAME draws some, --format html all."
    tier_of = {node.name: view.tiers.index(node.tier) for node in view.nodes}
    for number, tier in enumerate(view.tiers):
        yield f'  t{number}["{_escaped(tier)}: {count(len(view.members_of(tier)), what)}"]'
    between: dict[tuple[int, int], int] = {}
    for edge in view.edges:
        pair = tier_of[edge.source], tier_of[edge.target]
        between[pair] = between.get(pair, 0) + 1
    for (source, target), number in sorted(between.items()):
        if source != target:
            yield f"  t{source} -->|{number}| t{target}"


def _heading(title: str) -> Iterator[str]:
    quoted = printable(title).replace("\\", "\\\\").replace('"', '\\"')
    yield from ("---", f'title: "{quoted}"', "---", "flowchart LR")


def _identifiers(view: GraphView) -> dict[str, str]:
    return {node.name: f"n{number}" for number, node in enumerate(view.nodes)}


def _label(node: Node) -> str:
    return _escaped(f"{node.name} {CYCLE_SIGN}{node.cycle}" if node.cycle else node.name)


def _arrow(edge: Link) -> str:
    look = LOOKS[edge.style]
    words = " ".join(part for part in (look.words, f"{CYCLE_SIGN}{edge.cycle}" if edge.cycle else "") if part)
    return _ARROWS[look.line] + (f"|{_escaped(words)}|" if words else "")


def _escaped(text: str) -> str:
    """Everything that Mermaid, Markdown or HTML could take for more than a letter becomes a numbered entity."""
    return "".join(sign if sign.isalnum() or sign in _PLAIN else f"#{ord(sign)};" for sign in printable(text))

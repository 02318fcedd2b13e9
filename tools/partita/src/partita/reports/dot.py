"""The graph in the DOT language of Graphviz: tiers as clusters, dependencies pointing to the right.

DOT is written here and not through a library: the rules it takes (quote everything; inside, escape backslashes and
quotes) are shorter than the calls, and importing one costs more than the whole drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.reports.looks import CYCLE_LIGHT, CYCLE_SIGN, LOOKS
from partita.reports.words import describe, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from partita.view import GraphView, Link, Node

#: With more edges than that Graphviz is told to be quick rather than beautiful: seconds instead of minutes.
LARGE_EDGES = 1000

#: What a drawing is made of besides its edges; each colour is used for one thing, so that it can be exchanged.
INK, GROUND, CARD, LANE, BORDER = "#1f2328", "#ffffff", "#fdfdfe", "#f2f4f6", "#6e7781"

_FONT = "Helvetica,Arial,sans-serif"
_GRAPH = {
    "rankdir": "LR",
    "bgcolor": GROUND,
    "fontname": _FONT,
    "fontsize": "12",
    "fontcolor": INK,
    "pad": "0.25",
    "ranksep": "0.9",
    "nodesep": "0.12",
}
_NODE = {
    "shape": "box",
    "style": "filled,rounded",
    "fillcolor": CARD,
    "color": BORDER,
    "fontname": _FONT,
    "fontsize": "12",
    "fontcolor": INK,
    "height": "0.3",
    "margin": "0.12,0.05",
}
_EDGE = {"arrowsize": "0.7", "fontname": _FONT, "fontsize": "11", "fontcolor": INK}
_CLUSTER = {"style": "filled,rounded", "color": LANE, "fillcolor": LANE, "labeljust": "l", "margin": "12"}
_MEMBER = {"style": "rounded", "color": BORDER, "labeljust": "l", "margin": "8"}
#: Where an edge down the tiers leaves and arrives, so that those of one node run side by side.
_DOWNWARD = {"tailport": "e", "headport": "w"}
_QUICK = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.2", "splines": "line"}
_PLACES = 5


def render(view: GraphView) -> str:
    """The view as DOT. Identifiers are the names; classes (`both`, `cycle`, ...) let a stylesheet restyle the SVG."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: GraphView) -> Iterator[str]:
    quick = _QUICK if len(view.edges) > LARGE_EDGES else {}
    yield f"digraph {_quoted(view.title)} {{"
    yield f"  graph {_attributes({**_GRAPH, **quick, 'tooltip': _literal(describe(view))})}"
    yield f"  node {_attributes(_NODE)}"
    yield f"  edge {_attributes(_EDGE)}"
    for number, tier in enumerate(view.tiers):
        nodes = view.members_of(tier)
        inner = _nodes(view, nodes) if view.level == "packages" else _members(view, nodes, number)
        yield from _cluster(f"cluster_{number}", {**_CLUSTER, "label": _literal(tier), "class": "tier"}, inner)
    height = {node.name: (-view.tiers.index(node.tier), node.rank) for node in view.nodes}
    for edge in view.edges:
        ports = _DOWNWARD if height[edge.source] > height[edge.target] else {}
        yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)} {_attributes({**_edge(view, edge), **ports})}"
    yield from _legend(view)
    yield "}"


def _cluster(name: str, attributes: Mapping[str, str], lines: Iterable[str]) -> Iterator[str]:
    yield f"  subgraph {_quoted(name)} {{"
    yield f"    graph {_attributes(attributes)}"
    yield from (f"  {line}" for line in lines)
    yield "  }"


def _members(view: GraphView, nodes: Iterable[Node], tier: int) -> Iterator[str]:
    """Modules in a cluster for each package, inside that of its tier."""
    members: dict[str, list[Node]] = {}
    for node in nodes:
        members.setdefault(node.member, []).append(node)
    for number, (member, modules) in enumerate(sorted(members.items())):
        attributes = {**_MEMBER, "label": _literal(member), "class": "member"}
        yield from _cluster(f"cluster_{tier}_{number}", attributes, _nodes(view, modules))


def _nodes(view: GraphView, nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        label = f"{node.name} {CYCLE_SIGN}{node.cycle}" if node.cycle else node.name
        told = f"{node.name} {node.version}".rstrip() + f"\n{node.place}"
        attributes = {"label": _literal(label), "tooltip": _literal(told)}
        if view.is_binding(node.cycle):
            attributes |= {"class": "cycle", "color": CYCLE_LIGHT, "penwidth": "2", "peripheries": "2"}
        if node.name in view.focus:
            attributes["style"] = "filled,rounded,bold"
        yield f"  {_quoted(node.name)} {_attributes(attributes)}"


def _edge(view: GraphView, edge: Link) -> dict[str, str]:
    look = LOOKS[edge.style]
    places = [f"{item.file}:{item.line} ({item.kind})" for item in edge.evidence[:_PLACES]]
    if len(edge.evidence) > _PLACES:
        places.append(f"and {len(edge.evidence) - _PLACES} more")
    told = "\n".join([f"{edge.source} → {edge.target}: {look.meaning}", *places])
    return _line(edge.style, binding=view.is_binding(edge.cycle)) | {"tooltip": _literal(told)}


def _line(style: str, *, binding: bool) -> dict[str, str]:
    """How an edge is drawn. One that closes a binding cycle keeps its pattern, and is red and thick besides."""
    look = LOOKS[style]
    drawn = {"class": style, "style": look.line, "arrowhead": look.head, "color": look.light}
    if binding:
        drawn |= {"class": f"{style} cycle", "color": CYCLE_LIGHT, "penwidth": "2.5"}
    return drawn


def _legend(view: GraphView) -> Iterator[str]:
    """What the lines mean, where anything but the plain one is drawn."""
    used = {edge.style for edge in view.edges}
    samples = [(look.meaning, _line(style, binding=False)) for style, look in LOOKS.items() if style in used]
    if any(cycle.binding for cycle in view.cycles):
        samples.append((f"in a cycle ({CYCLE_SIGN})", _line("declared", binding=True)))
    if len(samples) > 1:
        attributes = {**_CLUSTER, "label": "Legend", "class": "legend", "color": BORDER, "fillcolor": CARD}
        yield from _cluster("cluster_legend", attributes, _samples(samples))


def _samples(samples: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    for number, (words, line) in enumerate(samples):
        start, end = _quoted(f"legend {number}"), _quoted(f"legend {number} words")
        yield f"  {start} {_attributes({'shape': 'point', 'width': '0.04', 'label': '', 'tooltip': ' '})}"
        yield f"  {end} {_attributes({'shape': 'plaintext', 'style': '', 'label': _literal(words), 'tooltip': ' '})}"
        yield f"  {start} -> {end} {_attributes({**line, 'tooltip': _literal(words)})}"


def _attributes(values: Mapping[str, str]) -> str:
    """Values that Graphviz takes literally must come through `_literal`; here they are only quoted."""
    return "[" + ", ".join(f"{key}={_quote(value)}" for key, value in values.items()) + "]"


def _literal(text: str) -> str:
    r"""Text that Graphviz shows as it is: in labels it would read ``\N``, ``\l`` and ``&lt;`` as something else."""
    lines = [printable(line).replace("\\", "\\\\").replace("&", "&amp;") for line in text.split("\n")]
    return "\\n".join(lines)


def _quoted(name: str) -> str:
    """A name as an identifier; a backslash is doubled, so that the last one does not swallow the quote."""
    return _quote(printable(name).replace("\\", "\\\\"))


def _quote(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'

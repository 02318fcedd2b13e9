"""What every drawing of the graph shows: one frozen value, so that text, SVG and HTML tell the same story. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.cycles import find_components
from partita.graph import DECLARED_KINDS, Edge, Evidence, Graph, merge_edges
from partita.layers import find_layers
from partita.manifest import normalise
from partita.paths import check_known, find_neighbourhood

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from partita.modules import Module
    from partita.workspace import Workspace

#: A cycle of these kinds is a fault; one that needs any other kind to close is common and legal.
BINDING_KINDS = frozenset({"runtime", "import", "toplevel"})
#: Where nodes stand that no tier names, in a workspace that has tiers.
NO_TIER = "no tier"

_STRENGTH = (*DECLARED_KINDS, "import", "toplevel", "lazy", "type-checking", "test")
_SEEN_AT_RUN_TIME = frozenset({"import", "lazy"})
_SEEN_IN_SOURCES = _SEEN_AT_RUN_TIME | {"type-checking"}


class Node(NamedTuple):
    """A package or a module. `place` is its folder or its file, `member` the package it belongs to.

    `rank` orders nodes of one tier: 0 for those that use no other node of it. `cycle` counts from 1 into
    `GraphView.cycles`, 0 for none.
    """

    name: str
    place: str
    member: str
    tier: str
    version: str
    rank: int
    cycle: int


class Link(NamedTuple):
    """`source` depends on `target`. `style` says what that rests on (see `style_of`), `cycle` as in Node."""

    source: str
    target: str
    kinds: tuple[str, ...]
    style: str
    evidence: tuple[Evidence, ...]
    cycle: int


class Cycle(NamedTuple):
    """Nodes that all reach each other. `binding` when run-time needs alone close it, which makes it a fault."""

    names: tuple[str, ...]
    binding: bool


class GraphView(NamedTuple):
    """A graph ready to be drawn. `tiers` stand highest first and each holds a node; nodes and edges are sorted.

    `level` is "packages" or "modules"; `ordered` says that the tiers are those of the workspace, not computed ones;
    `focus` holds the names the graph was narrowed to; `problems` counts what could not be read.
    """

    title: str
    level: str
    tiers: tuple[str, ...]
    ordered: bool
    nodes: tuple[Node, ...]
    edges: tuple[Link, ...]
    cycles: tuple[Cycle, ...]
    problems: int
    focus: tuple[str, ...]

    def members_of(self, tier: str) -> tuple[Node, ...]:
        """The nodes of one tier, sorted by name."""
        return tuple(node for node in self.nodes if node.tier == tier)

    def is_binding(self, cycle: int) -> bool:
        """Whether this `cycle` of a node or an edge is a fault."""
        return cycle > 0 and self.cycles[cycle - 1].binding


def build_view(
    workspace: Workspace,
    graph: Graph,
    *,
    modules: Sequence[Module] = (),
    compared: bool = False,
    focus: Sequence[str] = (),
    depth: int | None = 1,
    problems: int = 0,
) -> GraphView:
    """The view of a graph between members or, when `modules` are given, between modules.

    `compared` says that manifests and sources were both read, so that an edge found in one of them only can be told.
    `focus` narrows to these names and what lies within `depth` steps below and above, None for everything they reach.
    Raises PartitaError for a name that is no node.
    """
    level = "modules" if modules else "packages"
    wanted = tuple(resolve_name(graph, name, level) for name in focus)
    owners = {module.name: module.member for module in modules}
    tiers, order, ordered = _find_tiers(workspace, graph, owners)
    shown = find_neighbourhood(graph, wanted, depth, depth) if wanted else graph
    cycles, cycle_of, cycle_between = _find_cycles(shown)
    places = {module.name: module.file for module in modules} or {m.name: m.folder for m in workspace.members}
    versions = {} if modules else {member.name: member.version or "" for member in workspace.members}
    tier_of = {name: tiers[owners.get(name, name)] for name in shown.nodes}
    ranks = _find_ranks(shown, tier_of)
    nodes = tuple(
        Node(name, places[name], owners.get(name, name), tier_of[name], versions.get(name, ""), ranks[name], cycle)
        for name, cycle in cycle_of.items()
    )
    edges = tuple(
        Link(edge.source, edge.target, edge.kinds, style_of(edge.kinds, compared=compared), edge.evidence, cycle)
        for edge, cycle in cycle_between
    )
    used = {node.tier for node in nodes}
    return GraphView(
        title=workspace.root.rstrip("/").rpartition("/")[2] or workspace.root,
        level=level,
        tiers=tuple(tier for tier in order if tier in used),
        ordered=ordered,
        nodes=nodes,
        edges=edges,
        cycles=cycles,
        problems=problems,
        focus=wanted,
    )


def resolve_name(graph: Graph, name: str, level: str) -> str:
    """The node a person means by `name`; packages are compared as PEP 503 says. Raises PartitaError."""
    if level == "packages" and name not in graph.nodes:
        name = normalise(name)
    return check_known(name, graph.nodes, "package" if level == "packages" else "module")


def style_of(kinds: Collection[str], *, compared: bool) -> str:
    """The one word that tells how an edge looks.

    Without comparison it is the strongest kind, where "declared" and "import" are the plain ones. With it, a run-time
    dependency is "both" or "declared-only", and an import at run time that no run-time or optional dependency covers
    is "imported-only".
    """
    if compared and "runtime" in kinds:
        return "both" if _SEEN_IN_SOURCES.intersection(kinds) else "declared-only"
    if compared and "optional" not in kinds and _SEEN_AT_RUN_TIME.intersection(kinds):
        return "imported-only"
    strongest = next(kind for kind in _STRENGTH if kind in kinds)
    return {"runtime": "declared", "toplevel": "import"}.get(strongest, strongest)


def _find_tiers(
    workspace: Workspace, graph: Graph, owners: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...], bool]:
    """Member -> tier, every tier highest first, and whether the workspace names them.

    A workspace without tiers gets levels: how long the longest chain of dependencies below a member is.
    """
    if workspace.configuration.tiers:
        order = (NO_TIER, *(tier.name for tier in reversed(workspace.configuration.tiers)))
        return {member.name: member.tier or NO_TIER for member in workspace.members}, order, True
    between = _between_members(workspace, graph, owners)
    layers = find_layers(between, find_components(between))
    names = [f"level {height}" for height in range(max(layers.values(), default=0) + 1)]
    return {member: names[height] for member, height in layers.items()}, tuple(reversed(names)), False


def _between_members(workspace: Workspace, graph: Graph, owners: Mapping[str, str]) -> Graph:
    if not owners:
        return graph
    found: dict[tuple[str, str], list[Evidence]] = {}
    for edge in graph.edges:
        source, target = owners[edge.source], owners[edge.target]
        if source != target:
            found.setdefault((source, target), []).append(edge.evidence[0])
    return Graph(tuple(member.name for member in workspace.members), merge_edges(found))


def _find_ranks(graph: Graph, tier_of: Mapping[str, str]) -> dict[str, int]:
    """How high a node stands above those of its own tier that it uses."""
    within = Graph(graph.nodes, tuple(e for e in graph.edges if tier_of[e.source] == tier_of[e.target]))
    return find_layers(within, find_components(within))


def _find_cycles(graph: Graph) -> tuple[tuple[Cycle, ...], dict[str, int], list[tuple[Edge, int]]]:
    """Every cycle, the binding ones first; node -> number of its cycle; each edge with the number of its cycle.

    A component of all edges may hold several that binding edges form; nodes and edges count to the narrower one.
    """
    binding_graph = graph.restricted_to(BINDING_KINDS)
    binding, every = find_components(binding_graph), find_components(graph)
    wider = [names for names in every if names not in set(binding)]
    numbers = {names: number for number, names in enumerate((*binding, *wider), 1)}
    narrow = {name: numbers[names] for names in binding for name in names}
    wide = {name: numbers[names] for names in wider for name in names}
    binding_pairs = {(edge.source, edge.target) for edge in binding_graph.edges}
    closing = []
    for edge in graph.edges:
        cycle = _common(narrow, edge) if (edge.source, edge.target) in binding_pairs else 0
        closing.append((edge, cycle or _common(wide, edge)))
    cycles = [Cycle(names, binding=True) for names in binding] + [Cycle(names, binding=False) for names in wider]
    return tuple(cycles), {node: narrow.get(node) or wide.get(node, 0) for node in graph.nodes}, closing


def _common(cycle_of: Mapping[str, int], edge: Edge) -> int:
    cycle = cycle_of.get(edge.source, 0)
    return cycle if cycle_of.get(edge.target) == cycle else 0

"""The story of a cycle: the loop of files that causes it, every import line on the way, and what to cut. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from partita.cut import DEFAULT_SECONDS, Cut, minimum_cut
from partita.cycles import connect, find_components, find_path, shortest_cycle, split
from partita.graph import DECLARED_KINDS, IMPORT_WEIGHTS, MODULE_KINDS, Edge, Evidence, Graph
from partita.protection import Protection, find_hubs, protect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from partita.configuration import Tier

    Pair = tuple[str, str]

#: What a package edge weighs that nothing imports: one line of a manifest.
DECLARATION_WEIGHT = 1

#: How many edges are looked at to find out which cut helps most; beyond that cuts are told by name.
_RANKED = 3_000_000
_ORDER = {kind: place for place, kind in enumerate((*DECLARED_KINDS, *MODULE_KINDS))}


class EdgeSet(NamedTuple):
    """Kinds of edge that are searched together. A cycle of a `binding` set is a fault, others are common and legal."""

    level: str
    name: str
    kinds: tuple[str, ...]
    binding: bool


#: Every search, from the narrowest set of a level to its widest.
EDGE_SETS = (
    EdgeSet("packages", "runtime", ("runtime",), binding=True),
    EdgeSet("packages", "runtime+optional", ("runtime", "optional"), binding=False),
    EdgeSet("packages", "runtime+optional+dev", ("runtime", "optional", "dev"), binding=False),
    EdgeSet("modules", "toplevel", ("toplevel",), binding=True),
    EdgeSet("modules", "runtime", ("toplevel", "lazy"), binding=False),
    EdgeSet("modules", "all", MODULE_KINDS, binding=False),
)


class Cycle(NamedTuple):
    """One component of one set of edges. `same_as` is the narrowest set that joins the very same nodes, if another."""

    edge_set: EdgeSet
    graph: Graph
    same_as: str = ""


class Scene(NamedTuple):
    """What a story needs to know besides the cycle.

    `imports` is the graph between modules, `owner_of` tells the member of each. `users` (node -> how many others use
    it) is empty when the most used nodes get no protection, `tiers` and `tier_of` (node -> tier) where no tiers are
    configured.
    """

    imports: Graph
    owner_of: Mapping[str, str]
    users: Mapping[str, int] = {}
    tiers: Sequence[Tier] = ()
    tier_of: Mapping[str, str | None] = {}


class Counts(NamedTuple):
    """Import statements by kind."""

    toplevel: int
    lazy: int
    type_checking: int


class Story(NamedTuple):
    """Everything that is told of a cycle.

    `graph` is that of the cycle, between packages with the import statements of each edge besides its declarations.
    `ring` is the shortest cycle of nodes. `loop` is the shortest cycle of files that causes it: between modules the
    ring itself; between packages one that leads through two of them at least, and empty when no files import each
    other in a circle, so that only the grouping into packages, or a mere declaration, closes the cycle.
    """

    cycle: Cycle
    graph: Graph
    ring: tuple[Edge, ...]
    loop: tuple[Edge, ...]
    weights: Mapping[Pair, int]
    cut: Cut
    protection: Protection


def find_cycles(graph: Graph, level: str) -> tuple[Cycle, ...]:
    """The cycles of each set of edges of this level, from the narrowest set to the widest.

    `graph` has no other kinds than the widest set. A cycle of a narrower set lies within one of each wider set, so
    that a graph without cycles is looked at once.
    """
    edge_sets = [edge_set for edge_set in EDGE_SETS if edge_set.level == level]
    parts = list(split(graph, find_components(graph)))
    found = {edge_sets[-1]: parts}
    for edge_set in reversed(edge_sets[:-1]):
        narrowed = [part.restricted_to(edge_set.kinds) for part in parts]
        parts = sorted(inner for part in narrowed for inner in split(part, find_components(part)))
        found[edge_set] = parts
    cycles = []
    first: dict[tuple[str, ...], str] = {}
    for edge_set in edge_sets:
        for part in found[edge_set]:
            cycles.append(Cycle(edge_set, part, first.get(part.nodes, "")))
            first.setdefault(part.nodes, edge_set.name)
    return tuple(cycles)


def find_sizes(cycle: Cycle, cycles: Iterable[Cycle]) -> tuple[int, ...]:
    """For each set of edges of its level, narrowest first: how many nodes of this cycle, or around it, are joined."""
    sizes = {edge_set.name: 0 for edge_set in EDGE_SETS if edge_set.level == cycle.edge_set.level}
    nodes = frozenset(cycle.graph.nodes)
    for other in cycles:
        if other.edge_set.level == cycle.edge_set.level and not nodes.isdisjoint(other.graph.nodes):
            sizes[other.edge_set.name] += len(other.graph.nodes)
    return tuple(sizes.values())


def tell(cycle: Cycle, scene: Scene, seconds: float = DEFAULT_SECONDS) -> Story:
    """The story of a cycle; `seconds` is how long its cut may be worked on."""
    graph = _with_imports(cycle.graph, scene) if cycle.edge_set.level == "packages" else cycle.graph
    ring = _edges_along(graph, shortest_cycle(graph, graph.nodes))
    loop = _find_loop(graph, scene) if cycle.edge_set.level == "packages" else ring
    weights = {(edge.source, edge.target): weigh(edge) for edge in graph.edges}
    protection = protect(cycle.graph, scene.tier_of, scene.tiers, _find_hubs(cycle, scene))
    cut = minimum_cut(graph, weights, protected=protection.kept, forced=protection.forced, seconds=seconds)
    return Story(cycle, graph, ring, loop, weights, cut, protection)


def weigh(edge: Edge) -> int:
    """What it costs to cut an edge: its import statements by kind; one without any is but a declaration."""
    return sum(IMPORT_WEIGHTS.get(item.kind, 0) for item in edge.evidence) or DECLARATION_WEIGHT


def count_imports(edges: Iterable[Edge]) -> Counts:
    """The import statements behind these edges. One that leads to several nodes counts once."""
    statements = {item for edge in edges for item in edge.evidence}
    kinds = [item.kind for item in statements]
    return Counts(*map(kinds.count, MODULE_KINDS))


def rank_cuts(story: Story, limit: int) -> list[tuple[Edge, int]]:
    """The first `limit` edges of the cut, what helps most first, each with how many nodes are on a cycle after it.

    That is, when this edge and those before it are cut.
    """
    after = {node: dict.fromkeys(others) for node, others in story.graph.successors().items()}
    edges = {(edge.source, edge.target): edge for edge in story.graph.edges}
    pairs = list(story.cut.edges)
    if len(pairs) * len(edges) <= _RANKED:
        left = {pair: _count_without(pair, after) for pair in pairs}
        pairs.sort(key=lambda pair: (left[pair], story.weights[pair], pair))
    ranked = []
    for source, target in pairs[:limit]:
        del after[source][target]
        ranked.append((edges[source, target], _count_cyclic(after)))
    return ranked


def _count_without(pair: Pair, after: dict[str, dict[str, None]]) -> int:
    source, target = pair
    del after[source][target]
    size = _count_cyclic(after)
    after[source][target] = None
    return size


def _count_cyclic(after: Mapping[str, Iterable[str]]) -> int:
    return sum(map(len, connect(after)))


def _find_hubs(cycle: Cycle, scene: Scene) -> tuple[str, ...]:
    """Hubs among all packages, or among the modules of those packages that the cycle leads through."""
    if not scene.users:
        return ()
    population = len(scene.users)
    if cycle.edge_set.level == "modules":
        owners = {scene.owner_of[node] for node in cycle.graph.nodes}
        population = sum(owner in owners for owner in scene.owner_of.values())
    return find_hubs(scene.users, cycle.graph.nodes, population)


def _with_imports(graph: Graph, scene: Scene) -> Graph:
    """The same edges, each with the import statements between its two packages besides its declarations."""
    found = {(edge.source, edge.target): set(edge.evidence) for edge in graph.edges}
    for source, target, evidence in scene.imports.edges:
        places = found.get((scene.owner_of[source], scene.owner_of[target]))
        if places is not None:
            places.update(evidence)
    return Graph(graph.nodes, tuple(Edge(*pair, tuple(sorted(found[pair], key=_place))) for pair in found))


def _place(item: Evidence) -> tuple[int, str, int]:
    return (_ORDER[item.kind], item.file, item.line)


def _edges_along(graph: Graph, ring: Sequence[str]) -> tuple[Edge, ...]:
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    return tuple(edges[pair] for pair in pairwise((*ring, *ring[:1])))


def _find_loop(graph: Graph, scene: Scene) -> tuple[Edge, ...]:
    """The shortest cycle of modules that leads through two of these packages, by way of edges between them.

    It begins with an import of another package. Such a cycle takes one of the imports between packages, so it is
    looked for behind each module that another package imports.
    """
    allowed = {(edge.source, edge.target) for edge in graph.edges} | {(node, node) for node in graph.nodes}
    owner_of = scene.owner_of
    inner = [edge for edge in scene.imports.edges if (owner_of[edge.source], owner_of[edge.target]) in allowed]
    between = Graph(tuple(sorted({name for edge in inner for name in edge[:2]})), tuple(inner))
    best: tuple[str, ...] = ()
    longest = len(between.nodes)
    for part in split(between, find_components(between)):
        after = part.successors()
        users: dict[str, set[str]] = {}
        for source, target, _ in part.edges:
            if owner_of[source] != owner_of[target]:
                users.setdefault(target, set()).add(source)
        for start in sorted(users):
            path = find_path(after, [start], users[start], longest)
            if path:
                best, longest = path, len(path) - 1
    loop = _edges_along(between, best)
    first = loop.index(min(edge for edge in loop if owner_of[edge.source] != owner_of[edge.target])) if loop else 0
    return (*loop[first:], *loop[:first])

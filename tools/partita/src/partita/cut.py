"""The lightest set of edges whose removal leaves no cycle, with the proof that no lighter one exists. Pure.

Exact on graphs of this size because they are taken apart first: what must be cut anyway goes, then each strongly
connected component falls into its blocks. In each block cycles are packed, which often proves the cut already. Else
an integer programme decides: choose the lightest edges that hit every cycle. It starts with few cycles and gets those
that its answers leave, until none is left; cycles are never listed beforehand.
"""

from __future__ import annotations

import math
import time
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from partita.blocks import find_blocks
from partita.cycles import connect, find_path
from partita.errors import MissingExtraError
from partita.packing import UNCUTTABLE, Arcs, pack_cycles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from partita.graph import Graph
    from partita.highs import HittingSet

    Pair = tuple[str, str]

#: How long one cut is worked on, in seconds, before the best one so far is given with its bound.
DEFAULT_SECONDS = 20.0

_TOLERANCE = 1e-6
#: Cycles are looked for among arcs that a fractional answer cuts by less than this. The first two find most of them.
_THRESHOLDS = (1 - _TOLERANCE, 0.5, 0.3, 0.1)
#: Arcs that a fractional answer cuts by more than this are cut for good; a third each is what three share evenly.
_LEANING = 0.3


class Cut(NamedTuple):
    """Edges to cut, as sorted (source, target), what they weigh, and what any cut weighs at least.

    `obstacle` says why there is no proof: "time" ran out, or the "solver" is not installed. Empty when there is one.
    """

    edges: tuple[Pair, ...]
    weight: int
    lower_bound: int
    obstacle: str = ""

    @property
    def is_minimal(self) -> bool:
        """Whether it is proven that no lighter cut exists."""
        return self.weight == self.lower_bound


def minimum_cut(
    graph: Graph,
    weights: Mapping[Pair, int],
    *,
    protected: Collection[Pair] = (),
    forced: Collection[Pair] = (),
    seconds: float = DEFAULT_SECONDS,
) -> Cut:
    """The lightest edges to cut so that no cycle is left, `forced` ones among them and `protected` ones not.

    Weights are whole numbers from 1 up, one for each edge. Raises ValueError when protected edges form a cycle.
    """
    deadline = time.monotonic() + seconds
    edges = [(edge.source, edge.target) for edge in graph.edges]
    cut = [pair for pair in edges if pair in forced]
    weight = bound = sum(weights[pair] for pair in cut)
    obstacle = ""
    for block in _find_pieces(graph.nodes, [pair for pair in edges if pair not in forced]):
        arcs = _number(block, weights, protected)
        answer = _solve(arcs, deadline)
        cut += [block[arc] for arc in answer.cut]
        weight += arcs.weigh(answer.cut)
        bound += answer.bound
        obstacle = obstacle or answer.obstacle
    return Cut(tuple(sorted(cut)), weight, bound, "" if weight == bound else obstacle)


class _Answer(NamedTuple):
    cut: list[int]
    bound: int
    obstacle: str = ""


def _find_pieces(nodes: Sequence[str], edges: Sequence[Pair]) -> Iterator[list[Pair]]:
    """The edges of each block of each strongly connected component. A cycle never leaves its block."""
    successors: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        successors[source].append(target)
    home = {node: number for number, component in enumerate(connect(successors)) for node in component}
    inner = [pair for pair in edges if pair[0] in home and home[pair[0]] == home.get(pair[1])]
    numbers = {node: number for number, node in enumerate(home)}
    for block in find_blocks([(numbers[source], numbers[target]) for source, target in inner]):
        yield [inner[arc] for arc in block]


def _number(edges: Sequence[Pair], weights: Mapping[Pair, int], protected: Collection[Pair]) -> Arcs:
    numbers: dict[str, int] = {}
    for pair in edges:
        for node in pair:
            numbers.setdefault(node, len(numbers))
    ends = tuple((numbers[source], numbers[target]) for source, target in edges)
    arcs = Arcs(ends, tuple(UNCUTTABLE if pair in protected else weights[pair] for pair in edges))
    if connect(arcs.successors({arc for arc, weight in enumerate(arcs.weights) if weight != UNCUTTABLE})):
        raise ValueError("edges that must not be cut form a cycle")
    return arcs


def _solve(arcs: Arcs, deadline: float) -> _Answer:
    cut, bound = pack_cycles(arcs)
    if bound == arcs.weigh(cut):
        return _Answer(cut, bound)
    from partita.highs import HittingSet as Programme  # not needed where packed cycles prove the cut

    banned = {arc for arc, weight in enumerate(arcs.weights) if weight == UNCUTTABLE}
    try:
        programme = Programme([0 if arc in banned else weight for arc, weight in enumerate(arcs.weights)], banned)
    except MissingExtraError:
        return _Answer(cut, bound, "solver")
    return _improve(arcs, programme, _Answer(cut, bound), deadline)


def _improve(arcs: Arcs, programme: HittingSet, known: _Answer, deadline: float) -> _Answer:
    """Raise the bound with fractional answers, then with whole ones, until the best cut meets it.

    Each answer is made more exact with a row for every cycle found that it leaves, and at last completed to a cut.
    """
    cut, bound, _ = known
    programme.add(_find_rings(arcs, ()))
    for whole in (False, True):
        fresh = 1
        while fresh and bound < arcs.weigh(cut):
            answer = programme.solve(deadline, cut) if whole else programme.relax(deadline)
            bound = max(bound, math.ceil(answer.bound - _TOLERANCE))
            fresh = programme.add(_find_rings(arcs, answer.values))
            if whole or not fresh or not answer.finished:
                cut = min(cut, _complete(arcs, answer.values), key=arcs.weigh)
            if not answer.finished:
                return _Answer(cut, bound, "time")
    return _Answer(cut, bound)


def _complete(arcs: Arcs, values: Sequence[float]) -> list[int]:
    """The cut that a fractional answer leans to."""
    return pack_cycles(arcs, [arc for arc, value in enumerate(values) if value > _LEANING])[0]


def _find_rings(arcs: Arcs, values: Sequence[float]) -> list[list[int]]:
    """Cycles that an answer does not pay for; none when it pays for every cycle.

    Cycles of few arcs, among those that the answer cuts the least, are found fast and are most of what is needed. What
    escapes them is found by the way of least payment.
    """
    values = values or [0.0] * len(arcs.ends)
    found: list[list[int]] = []
    for threshold in _THRESHOLDS:
        after = arcs.successors({arc for arc, value in enumerate(values) if value >= threshold})
        found += (ring for ring in _shortest_rings(after) if sum(values[arc] for arc in ring) < 1 - _TOLERANCE)
        if found and threshold < _THRESHOLDS[0]:
            break
    if found:
        return found
    after = arcs.successors()
    return [ring for node in after if (ring := _cheapest_ring(after, values, node))]


def _shortest_rings(after: Mapping[int, Mapping[int, int]]) -> Iterator[list[int]]:
    """For each node on a cycle, the arcs of the shortest cycle through it."""
    for component in connect(after):
        members = frozenset(component)
        inner = {node: {other: arc for other, arc in after[node].items() if other in members} for node in component}
        before: dict[int, set[int]] = {node: set() for node in component}
        for node, others in inner.items():
            for other in others:
                before[other].add(node)
        for node in component:
            path = find_path(inner, [node], before[node], len(inner))
            yield [inner[source][target] for source, target in pairwise((*path, node))]


def _cheapest_ring(after: Mapping[int, Mapping[int, int]], values: Sequence[float], start: int) -> list[int]:
    """The arcs of the cycle through a node that is paid for the least; empty when that is enough."""
    paid: dict[int, float] = {}
    came: dict[int, tuple[int, int]] = {}
    waiting = [(0.0, start)]
    while waiting:
        so_far, node = heappop(waiting)
        if node == start and came:
            return _retrace(start, came)
        for other, arc in after[node].items():
            total = so_far + values[arc]
            if total < paid.get(other, 1 - _TOLERANCE):
                paid[other] = total
                came[other] = (node, arc)
                heappush(waiting, (total, other))
    return []


def _retrace(start: int, came: Mapping[int, tuple[int, int]]) -> list[int]:
    node, arc = came[start]
    ring = [arc]
    while node != start:
        node, arc = came[node]
        ring.append(arc)
    return ring

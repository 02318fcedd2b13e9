"""A light cut without a solver, and a proof of how light a cut can be at best. Pure.

Cycles are packed into the graph: each takes as much of its arcs' weight as its lightest arc has left. Whatever is cut
must pay for every cycle of the packing, so that their sum is a lower bound; the arcs with nothing left make up a cut.
Where the two agree, the cut is proven to be the lightest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from partita.cycles import connect, find_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

#: The weight of an arc that must not be cut: more than all others together can weigh.
UNCUTTABLE = 1 << 60


class Arcs(NamedTuple):
    """A directed graph, no arc twice, with the weight of each arc: 1 or more, or `UNCUTTABLE`."""

    ends: tuple[tuple[int, int], ...]
    weights: tuple[int, ...]

    def weigh(self, cut: Iterable[int]) -> int:
        """What a set of arcs weighs together."""
        return sum(self.weights[arc] for arc in cut)

    def successors(self, without: Collection[int] = ()) -> dict[int, dict[int, int]]:
        """Node -> each node after it, with the number of the arc that leads there, but for the arcs in `without`."""
        table: dict[int, dict[int, int]] = {node: {} for ends in self.ends for node in ends}
        for arc, (tail, head) in enumerate(self.ends):
            if arc not in without:
                table[tail][head] = arc
        return table


def pack_cycles(arcs: Arcs, without: Collection[int] = ()) -> tuple[list[int], int]:
    """Arcs to cut so that no cycle is left, none of which could stay, and a lower bound of what any cut weighs.

    The arcs in `without` count as cut from the start: the lower bound is then one for the rest of the graph. Arcs that
    must not be cut may not form a cycle.
    """
    left = list(arcs.weights)
    cut = sorted(without)
    after = arcs.successors(frozenset(cut))
    bound = 0
    for longest in (2, 3, len(after)):  # short cycles share less with others, so that more of them fit
        for arc in _cyclic(arcs, after):
            tail, head = arcs.ends[arc]
            while head in after[tail] and (path := find_path(after, [head], (tail,), longest)):
                ring = [arc, *(after[source][target] for source, target in pairwise(path))]
                least = min(left[other] for other in ring)
                bound += least
                for other in ring:
                    left[other] -= least
                    if not left[other]:
                        cut.append(other)
                        del after[arcs.ends[other][0]][arcs.ends[other][1]]
    return _put_back(arcs, cut, after), bound


def _cyclic(arcs: Arcs, after: Mapping[int, Mapping[int, int]]) -> list[int]:
    """The arcs that lie on a cycle."""
    home = {node: number for number, component in enumerate(connect(after), 1) for node in component}
    return [arc for arc, (tail, head) in enumerate(arcs.ends) if home.get(tail, 0) == home.get(head, -1)]


def _put_back(arcs: Arcs, cut: Sequence[int], after: dict[int, dict[int, int]]) -> list[int]:
    """The cut less every arc that closes no cycle with what is left, the heaviest first."""
    needed = []
    for arc in sorted(cut, key=lambda arc: (-arcs.weights[arc], arc)):
        tail, head = arcs.ends[arc]
        if find_path(after, [head], (tail,), len(after)):
            needed.append(arc)
        else:
            after[tail][head] = arc
    return sorted(needed)

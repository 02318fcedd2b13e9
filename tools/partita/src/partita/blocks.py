"""Blocks: the pieces of a graph that hang together by more than one node. Pure.

A cycle never leaves its block, so whatever is asked about cycles is asked of each block alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def find_blocks(arcs: Sequence[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """The numbers of the arcs of each biconnected piece, whatever the direction of the arcs; all sorted.

    Two blocks share at most one node. One depth-first walk: a block ends where nothing below a node reaches above it.
    """
    touching: dict[int, list[int]] = {}
    for number, ends in enumerate(arcs):
        for node in ends:
            touching.setdefault(node, []).append(number)
    depth: dict[int, int] = {}
    reach: dict[int, int] = {}  # the least depth that a node and what is below it touch
    seen: set[int] = set()
    opened: list[int] = []  # arcs of blocks that have not ended yet
    blocks = []
    for root, around in touching.items():
        if root in depth:
            continue
        depth[root] = reach[root] = 0
        path: list[tuple[int, int, Iterator[int]]] = [(root, 0, iter(around))]
        while path:
            node, start, remaining = path[-1]
            for number in remaining:
                if number in seen:
                    continue
                seen.add(number)
                opened.append(number)
                tail, head = arcs[number]
                other = head if tail == node else tail
                if other not in depth:
                    depth[other] = reach[other] = depth[node] + 1
                    path.append((other, len(opened) - 1, iter(touching[other])))
                    break
                reach[node] = min(reach[node], depth[other])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    if reach[node] >= depth[above]:
                        blocks.append(tuple(sorted(opened[start:])))
                        del opened[start:]
                    reach[above] = min(reach[above], reach[node])
    return tuple(sorted(blocks))

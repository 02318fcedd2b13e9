"""Which edges of a cycle may be cut at all. Pure.

Tiers come first: an edge down to a tier that may be used is legal and stays, one against that order has to go anyway.
Where tiers say nothing, the nodes that most others use are foundations: a cycle is not mended by taking users from
them. Protected edges that would themselves form a cycle cannot all stay; see `protect` for which ones give way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.cycles import connect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from partita.configuration import Tier
    from partita.graph import Graph

    Pair = tuple[str, str]

#: Kinds of dependency that tiers leave free: whoever tests a member may use tools from any tier.
_FREE = frozenset({"dev", "build", "test"})


class Protection(NamedTuple):
    """Edges as (source, target). `kept` ones must not be cut, and form no cycle; `forced` ones must.

    `relaxed` ones would have been kept, had they not closed a cycle of kept ones. `hubs` are those among the nodes.
    """

    kept: frozenset[Pair] = frozenset()
    forced: frozenset[Pair] = frozenset()
    relaxed: tuple[Pair, ...] = ()
    hubs: tuple[str, ...] = ()


def count_users(graph: Graph) -> dict[str, int]:
    """Node -> how many others use it.

    What belongs to a package is not counted as its user: a package that its own modules import, because it gathers
    their names, is no foundation.
    """
    users = dict.fromkeys(graph.nodes, 0)
    for edge in graph.edges:
        if not edge.source.startswith(edge.target + "."):
            users[edge.target] += 1
    return users


def find_hubs(users: Mapping[str, int], nodes: Iterable[str], population: int) -> tuple[str, ...]:
    """Those of `nodes` that most others use, the most used first.

    A hub has at least twice as many users as the square root of the `population`: of 100 nodes 20, of 1,000 64, of
    10,000 200.
    """
    hubs = [node for node in nodes if users[node] ** 2 >= 4 * population]
    return tuple(sorted(hubs, key=lambda node: (-users[node], node)))


def protect(
    graph: Graph, tier_of: Mapping[str, str | None], tiers: Iterable[Tier], hubs: Sequence[str] = ()
) -> Protection:
    """What may be cut of the edges of a component and what not.

    Where kept edges would form a cycle, those between tiers that use each other give way first. Then each of `hubs`,
    which stand most used first, keeps the users that close no cycle with what is kept already.
    """
    uses = {tier.name: frozenset(tier.uses) - {tier.name} for tier in tiers}
    legal, forced, others = _judge(graph, tier_of, uses)
    mutual = _on_cycles(graph, legal)
    relaxed = [pair for pair in legal if pair in mutual]
    kept = [pair for pair in legal if pair not in mutual]
    after: dict[str, list[str]] = {node: [] for node in graph.nodes}
    users: dict[str, list[str]] = {}
    for source, target in kept:
        after[source].append(target)
    for source, target in others:
        users.setdefault(target, []).append(source)
    for hub in hubs:
        below = _reach(after, hub)
        for source in users.get(hub, ()):
            if source in below:
                relaxed.append((source, hub))
            else:
                kept.append((source, hub))
                after[source].append(hub)
    return Protection(frozenset(kept), frozenset(forced), tuple(sorted(relaxed)), tuple(hubs))


def _judge(
    graph: Graph, tier_of: Mapping[str, str | None], uses: Mapping[str, frozenset[str]]
) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Edges that tiers allow, edges against their order, and edges of which they say nothing."""
    legal, against, others = [], [], []
    for edge in graph.edges:
        upper, lower = tier_of.get(edge.source) or "", tier_of.get(edge.target) or ""
        if lower in uses.get(upper, ()):
            legal.append((edge.source, edge.target))
        elif upper in uses.get(lower, ()) and not _FREE.issuperset(edge.kinds):
            against.append((edge.source, edge.target))
        else:
            others.append((edge.source, edge.target))
    return legal, against, others


def _on_cycles(graph: Graph, pairs: Collection[Pair]) -> frozenset[Pair]:
    """Those edges that lie on a cycle of these edges."""
    after: dict[str, list[str]] = {node: [] for node in graph.nodes}
    for source, target in pairs:
        after[source].append(target)
    home = {node: number for number, component in enumerate(connect(after), 1) for node in component}
    return frozenset(pair for pair in pairs if home.get(pair[0], 0) == home.get(pair[1], -1))


def _reach(after: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for node in after[waiting.pop()]:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen

"""Tiers: a member uses its own tier and those that its tier may use, and every member stands in one.

Development and build requirements are free: whoever tests a member may use tools from any tier. So are tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding
from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.configuration import Tier
    from partita.graph import Graph
    from partita.rules.facts import Facts

DECLARED = Code("PT201", "a member depends on a tier that it may not use")
IMPORTED = Code("PT202", "a member imports from a tier that it may not use")
HOMELESS = Code("PT204", "a member stands in no tier")

_SHIPPED = ("runtime", "optional")
_OBSERVED = ("import", "lazy", "type-checking")


def _find(facts: Facts) -> Iterator[Finding]:
    tiers = {member: tier for tier in facts.workspace.configuration.tiers for member in tier.members}
    if not tiers:
        return
    yield from _find_homeless(facts, tiers)
    yield from _find_forbidden(facts.declared.restricted_to(_SHIPPED), tiers, DECLARED, "depends on")
    yield from _find_forbidden(facts.observed.restricted_to(_OBSERVED), tiers, IMPORTED, "imports")


def _find_homeless(facts: Facts, tiers: dict[str, Tier]) -> Iterator[Finding]:
    for member in facts.workspace.members:
        if member.name not in tiers and facts.is_package(member):
            yield Finding(
                HOMELESS.code,
                member.manifest,
                0,
                f"{member.name} stands in no tier",
                f'add "{member.name}" to the members of a [[tier]] in workspace.toml',
                member.name,
            )


def _find_forbidden(graph: Graph, tiers: dict[str, Tier], code: Code, verb: str) -> Iterator[Finding]:
    for edge in graph.edges:
        source, target = tiers.get(edge.source), tiers.get(edge.target)
        if source is None or target is None or target.name in (source.name, *source.uses):
            continue
        usable = ", ".join((source.name, *source.uses))
        for place in edge.evidence:
            yield Finding(
                code.code,
                place.file,
                place.line,
                f"{edge.source} (tier {source.name}) {verb} {edge.target} (tier {target.name})",
                f"move what is needed into a tier that {source.name} may use ({usable}), or turn the dependency "
                f"round: {edge.target} hands it to {edge.source} when it starts",
                f"{edge.source} -> {edge.target}",
            )


RULE = Rule("tiers", (DECLARED, IMPORTED, HOMELESS), _find)

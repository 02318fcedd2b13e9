"""Members of an independent tier never import each other.

One may *declare* another when it needs it at run time, but reaches it through an interface of a lower tier. Tests
are held to this, too: a test that imports another service binds the two together just as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding
from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.rules.facts import Facts

IMPORTED = Code("PT203", "members of an independent tier import each other")


def _find(facts: Facts) -> Iterator[Finding]:
    tiers = [tier for tier in facts.workspace.configuration.tiers if tier.independent]
    if not tiers:
        return
    independent = {member: tier for tier in tiers for member in tier.members}
    for edge in facts.observed.edges:
        tier = independent.get(edge.source)
        if tier is None or independent.get(edge.target) != tier:
            continue
        for place in edge.evidence:
            yield Finding(
                IMPORTED.code,
                place.file,
                place.line,
                f"{edge.source} imports {edge.target}: members of tier {tier.name} are independent of each other",
                f"use what {edge.target} offers through an interface in a lower tier, or move what both need there",
                f"{edge.source} -> {edge.target}",
            )


RULE = Rule("independence", (IMPORTED,), _find)

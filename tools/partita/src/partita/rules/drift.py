"""Members that have fallen behind the template they were made from, or left what it wants kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partita.findings import Finding
    from partita.rules.facts import Facts

BEHIND = Code("PT509", "a template has changed since a member was made from it")
CHANGED = Code("PT510", "a file that a template wants kept is not as it makes it")
UNKNOWN = Code("PT511", "the template that a member was made from cannot be told")
CONFLICT = Code("PT512", "a file holds what a merge of its template left for a person to decide")


def _find(facts: Facts) -> Iterable[Finding]:
    from partita.drift import find_drift  # reads templates: only for this rule

    return find_drift(facts.workspace)


RULE = Rule("drift", (BEHIND, CHANGED, UNKNOWN, CONFLICT), _find)

"""Every rule. A new one is a file of its own and a line here; `docs/reference/rules.md` explains each code."""

from __future__ import annotations

from partita.baseline import EXPIRED_ENTRY, STALE_ENTRY
from partita.rules import (
    cycles,
    drift,
    entrypoints,
    exceptions,
    independence,
    layout,
    privacy,
    problems,
    python,
    tiers,
    undeclared,
    unused,
)
from partita.rules.rule import Code

RULES = (
    problems.RULE,
    cycles.PACKAGE_RULE,
    cycles.MODULE_RULE,
    tiers.RULE,
    independence.RULE,
    undeclared.RULE,
    unused.RULE,
    privacy.RULE,
    layout.RULE,
    python.RULE,
    entrypoints.RULE,
    drift.RULE,
)

#: Every code with its title, sorted: those of the rules, and those about exceptions and baseline themselves.
CODES = tuple(
    sorted(
        (
            *(code for rule in RULES for code in rule.codes),
            exceptions.UNUSED,
            exceptions.EXPIRED,
            Code(STALE_ENTRY, "an entry of the baseline has no finding any more"),
            Code(EXPIRED_ENTRY, "an entry of the baseline has expired"),
        )
    )
)

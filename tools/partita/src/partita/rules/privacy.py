"""A name with a leading underscore belongs to its own member: nobody else imports it.

Where nothing is configured, tests may look inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding
from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.rules.facts import Facts

REACHED = Code("PT401", "a member reaches into a private part of another one")


def _find(facts: Facts) -> Iterator[Finding]:
    for member in facts.workspace.members:
        for target, uses in facts.usage(member).members.items():
            judged = (use for use in uses if use.shipped or facts.workspace.configured)
            reached = {(use.file, use.line, private) for use in judged if (private := _private_part(use.name))}
            for file, line, private in sorted(reached):
                yield Finding(
                    REACHED.code,
                    file,
                    line,
                    f"{member.name} imports {private}, which is private to {target}",
                    f"import what you need from a public module of {target}, or give it a public name there",
                    f"{member.name} -> {private}",
                )


def _private_part(name: str) -> str:
    """The dotted name up to its first private part; empty when it has none."""
    parts = name.split(".")
    ends = (end for end, part in enumerate(parts, 1) if part.startswith("_") and not part.endswith("__"))
    return ".".join(parts[: next(ends, 0)])


RULE = Rule("privacy", (REACHED,), _find)

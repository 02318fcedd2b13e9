"""Every member runs on the Pythons that the root names. For configured workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding
from partita.rules.rule import Code, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.rules.facts import Facts

DIFFERENT = Code("PT507", "a member supports other Pythons than the root")


def _find(facts: Facts) -> Iterator[Finding]:
    wanted = facts.root_document.table("project").get("requires-python") if facts.workspace.configured else None
    if not isinstance(wanted, str):
        return
    for member in facts.workspace.members:
        document = facts.document(member)
        own = document.table("project").get("requires-python")
        if not facts.is_package(member) or (isinstance(own, str) and _is_same(own, wanted)):
            continue
        told = f"requires Python {own}" if own is not None else "does not say which Pythons it requires"
        yield Finding(
            DIFFERENT.code,
            member.manifest,
            document.line_of("requires-python" if own is not None else "[project]"),
            f"{member.name} {told}; the root requires {wanted}",
            f'write requires-python = "{wanted}" below [project] of {member.manifest}',
            member.name,
        )


def _is_same(one: str, other: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(one) == SpecifierSet(other)
    except InvalidSpecifier:
        return one == other


RULE = Rule("python", (DIFFERENT,), _find)

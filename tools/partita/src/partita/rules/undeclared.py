"""What a member imports it declares itself; that something else happens to bring it along does not count.

Shipped code needs a runtime requirement or an extra. Tests, scripts and imports under `TYPE_CHECKING` also live on
what the development groups of the member or of the root declare; where nothing is configured they are not judged,
since many repositories install for them what no manifest says. An import whose `ImportError` is caught needs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.distributions import stubbed_name
from partita.findings import Finding
from partita.manifest import normalise
from partita.rules.rule import Code, Rule
from partita.rules.usage import SHIPPED_KINDS, requirements_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from partita.rules.facts import Facts
    from partita.rules.usage import Usage, Use
    from partita.workspace import Member

MEMBER = Code("PT301", "a member imports another one that it does not declare")
THIRD_PARTY = Code("PT302", "a member imports a third-party distribution that it does not declare")
MISPLACED = Code("PT303", "shipped code imports what is declared for development only")
UNDECIDED = Code("PT309", "nobody knows which distribution an import comes from")


class _Declared(NamedTuple):
    """What a member declares for those who install it, what for anything, and what it and the root declare."""

    shipped: frozenset[str]
    own: frozenset[str]
    anyhow: frozenset[str]


def _find(facts: Facts) -> Iterator[Finding]:
    """One finding a statement, however many names it takes from one place."""
    for member in facts.workspace.members:
        if any(field.endswith("dependencies") for field in member.dynamic):
            continue  # what its build adds is unknown, and told as PT005
        told: dict[tuple[str, str, int, str], Finding] = {}
        for finding in _find_all(facts, member):
            told.setdefault((finding.code, finding.file, finding.line, finding.subject), finding)
        yield from told.values()


def _find_all(facts: Facts, member: Member) -> Iterator[Finding]:
    usage = facts.usage(member)
    declared = _read_declared(facts, member)
    for target, uses in usage.members.items():
        for use in uses:
            yield from _find_missing(facts, member, use, [target], declared)
    for use, names in _names_by_use(usage).items():
        yield from _find_missing(facts, member, use, names, declared)
    for use in usage.unexplained:
        yield from _find_unexplained(facts, member, use, usage, declared)


def _find_missing(
    facts: Facts, member: Member, use: Use, names: Sequence[str], declared: _Declared
) -> Iterator[Finding]:
    """Whether an import from one of these members or distributions is declared in the right place."""
    enough = declared.shipped if _needs_shipping(use) else declared.anyhow
    if not _is_judged(facts, use) or not enough.isdisjoint(names):
        return
    misplaced = [name for name in names if name in declared.own]
    if misplaced:
        message = (
            f"{member.name} imports {use.name} in shipped code, but {misplaced[0]} is declared for development only"
        )
        yield _finding(MISPLACED, use, message, _remedy(member, use, misplaced), f"{member.name} -> {misplaced[0]}")
    elif names[0] in facts.members:
        message = f"{member.name} imports {use.name} of {names[0]} without declaring it"
        message += _brought_by(facts, names, declared)
        yield _finding(MEMBER, use, message, _remedy(member, use, names), f"{member.name} -> {names[0]}")
    else:
        yield _undeclared(facts, member, use, names, declared)


def _find_unexplained(facts: Facts, member: Member, use: Use, usage: Usage, declared: _Declared) -> Iterator[Finding]:
    if not _is_judged(facts, use) or (not _needs_shipping(use) and _has_stubs(use, declared)):
        return
    providers = facts.distributions.providers(use.name)
    candidates = usage.open_shipped if _needs_shipping(use) else usage.open
    if providers or not candidates:
        yield _undeclared(facts, member, use, providers, declared)
        return
    top = _top(use)
    message = f"does {use.name} come from {_one_of(candidates)}, which {member.name} declares? Nothing here tells"
    remedy = (
        "run this in the environment of the repository, or say it below [import-names] of workspace.toml, such as "
        f'{candidates[0]} = ["{top}"]'
    )
    yield _finding(UNDECIDED, use, message, remedy, f"{member.name} -> {top}")


def _undeclared(facts: Facts, member: Member, use: Use, names: Sequence[str], declared: _Declared) -> Finding:
    """The subject is the import name, since which distribution provides it is known in some environments only."""
    message = f"{member.name} imports {use.name} without declaring it" + _brought_by(facts, names, declared)
    return _finding(THIRD_PARTY, use, message, _remedy(member, use, names), f"{member.name} -> {_top(use)}")


def _read_declared(facts: Facts, member: Member) -> _Declared:
    shipped = frozenset(item.name for item in member.requirements if item.kind in SHIPPED_KINDS)
    own = frozenset(item.name for item in member.requirements if item.kind != "build")
    return _Declared(shipped, own, own | {item.name for item in requirements_of(facts, member)})


def _names_by_use(usage: Usage) -> dict[Use, list[str]]:
    table: dict[Use, list[str]] = {}
    for name, uses in usage.distributions.items():
        for use in uses:
            table.setdefault(use, []).append(name)
    return table


def _is_judged(facts: Facts, use: Use) -> bool:
    return not use.guarded and (_needs_shipping(use) or facts.workspace.configured)


def _needs_shipping(use: Use) -> bool:
    return use.shipped and use.kind != "type-checking"


def _has_stubs(use: Use, declared: _Declared) -> bool:
    return any(stubbed_name(name) == normalise(_top(use)) for name in declared.anyhow)


def _brought_by(facts: Facts, names: Sequence[str], declared: _Declared) -> str:
    """What explains why it works all the same, when that is known."""
    found = facts.brought_by(names[0], declared.shipped) if names else None
    return f"; {found} happens to bring it along" if found else ""


def _top(use: Use) -> str:
    return use.name.partition(".")[0]


def _remedy(member: Member, use: Use, names: Sequence[str]) -> str:
    place = "dependencies" if _needs_shipping(use) else "a development group"
    if names:
        quoted = _one_of([f'"{name}"' for name in names])
        return f"write {quoted} into {place} of {member.manifest}"
    top = _top(use)
    return (
        f"write the distribution that provides {top} into {place} of {member.manifest}; when that is declared under "
        f'another name, say so below [import-names] of workspace.toml: distribution = ["{top}"]'
    )


def _one_of(names: Sequence[str]) -> str:
    return " or ".join(names[:3])


def _finding(code: Code, use: Use, message: str, remedy: str, subject: str) -> Finding:
    return Finding(code.code, use.file, use.line, message, remedy, subject)


RULE = Rule("undeclared", (MEMBER, THIRD_PARTY, MISPLACED, UNDECIDED), _find)

"""Runtime dependencies that nothing of the member imports.

Silent where a dependency may serve unimported: plug-ins that register themselves, stubs, whatever the member's own
sources name as a text (`"postgresql+asyncpg://"`), and members that have no code or could not be read whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from partita.findings import UNDECODABLE_SOURCE, UNREADABLE_SOURCE, Finding
from partita.rules.rule import Code, Rule
from partita.rules.usage import is_shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.manifest import Requirement
    from partita.rules.facts import Facts
    from partita.rules.usage import Usage
    from partita.workspace import Member

MEMBER = Code("PT304", "a member declares another one that it never imports")
THIRD_PARTY = Code("PT305", "a member declares a third-party distribution that it never imports")

_UNREAD = (UNREADABLE_SOURCE, UNDECODABLE_SOURCE)


def _find(facts: Facts) -> Iterator[Finding]:
    broken = {problem.file for problem in facts.modules.problems if problem.code in _UNREAD}
    for member in facts.workspace.members:
        files = tuple(file for file in facts.files_of(member) if is_shipped(member, file))
        if not files or not facts.is_package(member) or broken.intersection(files):
            continue
        usage = facts.usage(member)
        unused = {
            item.name: item for item in member.requirements if item.kind == "runtime" and item.name != member.name
        }
        unused = {name: item for name, item in unused.items() if _is_unused(facts, name, usage)}
        mentioned = _find_mentioned(facts, unused, files)
        for name, requirement in sorted(unused.items()):
            if name not in mentioned:
                yield _finding(facts, member, requirement, usage)


def _is_unused(facts: Facts, name: str, usage: Usage) -> bool:
    if name in facts.members:
        uses = usage.members.get(name, ())
        return not any(use.shipped for use in uses) and not _registers_itself(facts, name)
    if facts.distributions.works_unimported(name) or (name in usage.open_shipped and usage.unexplained):
        return False
    return not any(use.shipped for use in usage.distributions.get(name, ()))


def _registers_itself(facts: Facts, name: str) -> bool:
    """Whether a member has entry points besides scripts: it is found without being imported."""
    document = facts.document(facts.members[name])
    return bool(document.table("project", "entry-points") or document.table("tool", "poetry", "plugins"))


def _find_mentioned(facts: Facts, names: dict[str, Requirement], files: tuple[str, ...]) -> set[str]:
    """Of these names those that the text of some file holds, or the name by which they are imported."""
    patterns = {name: _pattern({name, name.replace("-", "_"), *_import_names(facts, name)}) for name in names}
    found: set[str] = set()
    for file in files if patterns else ():
        source = facts.workspace.tree.read(file)
        found |= {name for name, pattern in patterns.items() if name not in found and pattern.search(source)}
    return found


def _import_names(facts: Facts, name: str) -> tuple[str, ...]:
    if name in facts.members:
        return facts.members[name].imports
    return facts.distributions.import_names(name) or ()


def _pattern(words: set[str]) -> re.Pattern[bytes]:
    listed = b"|".join(re.escape(word.encode()) for word in sorted(words))
    return re.compile(rb"(?<![A-Za-z0-9_])(?:" + listed + rb")(?![A-Za-z0-9_])", re.IGNORECASE)


def _finding(facts: Facts, member: Member, requirement: Requirement, usage: Usage) -> Finding:
    name = requirement.name
    is_member = name in facts.members
    only_beside = usage.members.get(name) or usage.distributions.get(name)
    told = "only its tests and scripts import it" if only_beside else "nothing in it imports it"
    place = f"dependencies of {member.manifest}"
    code = MEMBER if is_member else THIRD_PARTY
    subject = f"{member.name} -> {name}"
    remedy = f'move "{requirement.text}" from {place} to a development group' if only_beside else ""
    remedy = remedy or (
        f'take "{requirement.text}" out of {place}; when it is needed unimported, write an [[exception]] from '
        f'{code.code} for "{subject}" into workspace.toml'
    )
    message = f"{member.name} depends on {name}, but {told}"
    return Finding(code.code, member.manifest, requirement.line, message, remedy, subject)


RULE = Rule("unused", (MEMBER, THIRD_PARTY), _find)

"""How one member uses what lies outside of it: which import statements lead to which member or distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.distributions import is_standard_library
from partita.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from partita.manifest import Requirement
    from partita.rules.facts import Facts
    from partita.workspace import Member

#: Kinds of requirements that whoever installs a member gets, or can ask for.
SHIPPED_KINDS = frozenset({"runtime", "optional"})


class Use(NamedTuple):
    """One import statement. `shipped` tells code of the package from tests and from scripts beside it."""

    file: str
    line: int
    name: str
    kind: str
    guarded: bool
    shipped: bool


class Usage(NamedTuple):
    """Import statements by where they lead: another member, a declared distribution, or neither.

    `unexplained` are those that no declared distribution is known to provide. `open` are declared distributions of
    which nobody knows what they provide: an unexplained import may come from one of these. `open_shipped` are those
    among them that shipped code may use.
    """

    members: Mapping[str, tuple[Use, ...]]
    distributions: Mapping[str, tuple[Use, ...]]
    unexplained: tuple[Use, ...]
    open: tuple[str, ...]
    open_shipped: tuple[str, ...]


def read_usage(facts: Facts, member: Member) -> Usage:
    """Sort every import statement of a member that leads out of it."""
    declared = sorted({item.name for item in requirements_of(facts, member)} - facts.members.keys())
    members: dict[str, list[Use]] = {}
    distributions: dict[str, list[Use]] = {}
    unexplained = []
    known: dict[str, list[str]] = {}
    for use in _uses(facts, member):
        target = _find_member(facts, member, use.name)
        if target is not None:
            if target != member.name:
                members.setdefault(target, []).append(use)
            continue
        if is_standard_library(use.name) or _is_namespace(facts, use.name) or _is_beside(facts, use):
            continue
        if use.name not in known:
            known[use.name] = [name for name in declared if facts.distributions.provides(name, use.name)]
        for name in known[use.name]:
            distributions.setdefault(name, []).append(use)
        if not known[use.name]:
            unexplained.append(use)
    opened = [
        item for item in requirements_of(facts, member) if _is_open(facts, item) and item.name not in distributions
    ]
    shipped = sorted({item.name for item in opened if item.kind in SHIPPED_KINDS})
    every = tuple(sorted({item.name for item in opened}))
    return Usage(_frozen(members), _frozen(distributions), tuple(unexplained), every, tuple(shipped))


def requirements_of(facts: Facts, member: Member) -> tuple[Requirement, ...]:
    """What a member declares, and what the root declares for the development of all."""
    return (*member.requirements, *(item for item in facts.root_requirements if item.name != member.name))


def _is_open(facts: Facts, requirement: Requirement) -> bool:
    """What only builds a package is not imported by it."""
    if requirement.kind == "build" or requirement.name in facts.members:
        return False
    known = facts.distributions
    return known.import_names(requirement.name) is None and not known.works_unimported(requirement.name)


def _uses(facts: Facts, member: Member) -> Iterator[Use]:
    is_package = facts.is_package(member)
    for item in facts.imports.get(member.name, ()):
        shipped = is_package and not item.test and is_shipped(member, item.file)
        yield Use(item.file, item.line, item.name, item.kind, item.guarded, shipped)


def is_shipped(member: Member, file: str) -> bool:
    """In a flat layout what is named like the distribution, or like its beginning, is sure to be shipped.

    Where nothing is, every folder counts, but no file beside the manifest: those are mostly scripts.
    """
    if member.import_root != member.folder:
        return True
    top, _, inner = file.removeprefix(f"{member.folder}/").partition("/")
    name = member.name.replace("-", "_").replace(".", "_")
    likely = [found for found in member.imports if name == found or name.startswith(f"{found}_")]
    return top.removesuffix(".py") in likely if likely else bool(inner)


def _find_member(facts: Facts, member: Member, name: str) -> str | None:
    """The member of the longest known module that this dotted name begins with; the importing one if it has it, too.

    Services that each call their package `app` are no dependencies of each other.
    """
    while name and name not in facts.module_members:
        name = name.rpartition(".")[0]
    owner = facts.module_members.get(name)
    if owner != member.name and name.partition(".")[0] in member.imports:
        place = join(member.import_root, name.replace(".", "/"))
        if facts.exists(f"{place}.py") or facts.exists(f"{place}/__init__.py"):
            return member.name
    return owner


def _is_namespace(facts: Facts, name: str) -> bool:
    """Whether members have modules below this name, though the name itself is no file."""
    return name in facts.namespaces


def _is_beside(facts: Facts, use: Use) -> bool:
    """Whether the name is a module next to the importing file, or, for scripts and tests, in a folder above it."""
    top, _, inner = use.name.partition(".")
    folder = use.file.rpartition("/")[0] or "."
    while not _holds_module(facts, folder, top, inner.partition(".")[0]):
        if use.shipped or folder == ".":
            return False
        folder = folder.rpartition("/")[0] or "."
    return True


def _holds_module(facts: Facts, folder: str, top: str, inner: str) -> bool:
    """A folder without `__init__` is a namespace: only what stands in it is its own."""
    start = join(folder, top)
    if facts.exists(f"{start}.py") or facts.exists(f"{start}/__init__.py"):
        return True
    return bool(inner) and (facts.exists(f"{start}/{inner}.py") or facts.exists(f"{start}/{inner}/__init__.py"))


def _frozen(table: dict[str, list[Use]]) -> dict[str, tuple[Use, ...]]:
    return {key: tuple(uses) for key, uses in sorted(table.items())}

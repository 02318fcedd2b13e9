"""The folder of a member: readme, tests, `src` layout, import name, `py.typed`. For configured workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding
from partita.rules.rule import Code, Rule
from partita.tree import SKIPPED_FOLDERS, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.rules.facts import Facts
    from partita.workspace import Member

NO_README = Code("PT501", "a member has no readme")
NO_TESTS = Code("PT502", "a member has no tests")
UNTYPED = Code("PT503", "a member says that it is typed, but ships no py.typed")
NO_SRC = Code("PT504", "the sources of a member are not below src")
IMPORT_NAME = Code("PT505", "a member is imported by another name than its own")
TESTS_PACKAGE = Code("PT506", "a folder of tests is a package")

_TYPED = "Typing :: Typed"


def _find(facts: Facts) -> Iterator[Finding]:
    if not facts.workspace.configured:
        return
    for member in facts.workspace.members:
        if facts.is_package(member):
            yield from _find_readme(facts, member)
            yield from _find_tests(facts, member)
            yield from _find_names(member)
            yield from _find_untyped(facts, member)


def _find_readme(facts: Facts, member: Member) -> Iterator[Finding]:
    document = facts.document(member)
    named = document.table("project").get("readme")
    path = named.get("file") if isinstance(named, dict) else named
    names = [name for name, is_folder in facts.entries(member.folder) if not is_folder]
    if isinstance(path, str):
        missing = not facts.workspace.tree.exists(join(member.folder, path))
    else:
        missing = not any(name.lower().startswith("readme") for name in names) and not isinstance(named, dict)
    if missing:
        path = path or "README.md"
        line = document.line_of("readme") if named else 0
        remedy = f"write {join(member.folder, path)}: what it is for, how to install it, one example"
        yield Finding(NO_README.code, member.manifest, line, f"{member.name} has no {path}", remedy, member.name)


def _find_tests(facts: Facts, member: Member) -> Iterator[Finding]:
    folder = join(member.folder, "tests")
    files = list(_walk(facts, folder))
    if not any(_is_test(name) for _, name in files):
        yield Finding(
            NO_TESTS.code,
            member.manifest,
            0,
            f"{member.name} has no tests",
            f"write {folder}/test_{member.name.replace('-', '_')}.py; one that imports every module is a start",
            member.name,
        )
    homes = {folder, *(path.rpartition("/")[0] for path, name in files if _is_test(name))}
    for path, name in files:
        if name == "__init__.py" and path.rpartition("/")[0] in homes:
            yield Finding(
                TESTS_PACKAGE.code,
                path,
                0,
                f"the tests of {member.name} are a package: two members with a package of one name get in each "
                "other's way",
                f"remove {path}; let pytest import tests with --import-mode=importlib",
                path,
            )


def _find_names(member: Member) -> Iterator[Finding]:
    expected = member.name.replace("-", "_").replace(".", "_")
    source = join(member.folder, "src")
    if member.import_root != source:
        remedy = f"move the sources of {member.name} to {source}/{expected}"
        yield Finding(NO_SRC.code, member.manifest, 0, f"{member.name} has no folder src", remedy, member.name)
    if expected not in member.imports or (member.import_root == source and len(member.imports) > 1):
        told = f"is imported as {', '.join(member.imports)}" if member.imports else "has nothing to import"
        others = [name for name in member.imports if name != expected]
        remedy = f"rename {member.import_root}/{others[0]} to {expected}" if others else f"create {source}/{expected}"
        if expected in member.imports:
            remedy = f"move {member.import_root}/{others[0]} into {expected}, or into a member of its own"
        message = f"{member.name} {told}, not as {expected} alone"
        yield Finding(IMPORT_NAME.code, member.manifest, 0, message, remedy, member.name)


def _find_untyped(facts: Facts, member: Member) -> Iterator[Finding]:
    document = facts.document(member)
    if _TYPED not in document.table("project").get("classifiers", ()):
        return
    packages = {name for name, is_folder in facts.entries(member.import_root) if is_folder}
    for name in sorted(packages.intersection(member.imports)):
        path = f"{member.import_root}/{name}/py.typed"
        if not facts.workspace.tree.exists(path):
            yield Finding(
                UNTYPED.code,
                member.manifest,
                document.line_of(_TYPED),
                f"{member.name} says that it is typed, but type checkers ignore it without {path}",
                f"create the empty file {path}",
                path,
            )


def _walk(facts: Facts, folder: str) -> Iterator[tuple[str, str]]:
    """(path, name) of every file below a folder, sorted by path; nothing where there is no such folder."""
    for name, is_folder in facts.entries(folder):
        path = join(folder, name)
        if not is_folder:
            yield path, name
        elif name not in SKIPPED_FOLDERS and not name.startswith("."):
            yield from _walk(facts, path)


def _is_test(name: str) -> bool:
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


RULE = Rule("layout", (NO_README, NO_TESTS, UNTYPED, NO_SRC, IMPORT_NAME, TESTS_PACKAGE), _find)

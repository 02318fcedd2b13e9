"""Who imports whom: every module of the workspace, and where each import statement leads.

Namespace packages are shared by many members, so a dotted name leads to a file and the file to its member, never a
top-level name to a member. One table of dotted names answers everything, so the time grows with the number of
statements alone.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from partita.findings import DUPLICATE_MODULE, ESCAPING_RELATIVE_IMPORT, Finding
from partita.graph import Edge, Evidence, Graph, merge_edges
from partita.sources import find_sources
from partita.statements import open_lump, read_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from partita.imports import Statement
    from partita.sources import Source
    from partita.statements import Reading
    from partita.workspace import Workspace


class Module(NamedTuple):
    """A module of the workspace. `file` is relative to the root."""

    name: str
    member: str
    file: str


class Loose(NamedTuple):
    """An import of one member by another that is no edge between two modules; `place` has a kind of `OBSERVED_KINDS`.

    Either the importing file is no module, such as a test, or the imported name belongs to the member but to no
    source file of it: it is generated, or an extension module.
    """

    member: str
    target: str
    place: Evidence


class ModuleGraph(NamedTuple):
    """Modules sorted by name, and the edges between them; evidence has the kinds of `MODULE_KINDS`."""

    modules: tuple[Module, ...]
    graph: Graph
    problems: tuple[Finding, ...]
    loose: tuple[Loose, ...] = ()


class ExternalImport(NamedTuple):
    """One imported name, wherever it leads: into this workspace, to a third party, to the standard library.

    `name` is dotted and absolute, the name taken from a module included (`from a import b` is ``a.b``), except for a
    star. `kind` is of `MODULE_KINDS`; `guarded` says that a failure is caught; `test` that the file is outside of the
    import root of its member; `target` is the member it leads to, the importing one included, empty when it leads out.
    """

    member: str
    file: str
    line: int
    kind: str
    name: str
    guarded: bool
    test: bool
    target: str = ""


def read_modules(workspace: Workspace, *, tests: bool = True, use_cache: bool = True) -> ModuleGraph:
    """Read every source file of the workspace and resolve its imports; only changed files are read again.

    Without `tests`, only files that are modules are read: enough for `graph`, while `loose` is not whole then.
    """
    files, problems = _read_files(workspace, tests=tests, use_cache=use_cache)
    index = _Index([source for source, _ in files])
    problems += index.duplicates
    edges: dict[str, list[Edge]] = {}
    loose: set[Loose] = set()
    for source, (_, _, statements, problem) in files:
        if problem is not None:
            problems.append(Finding(problem[0], source.path, problem[1], problem[2], subject=source.path))
        if index.is_module(source):
            edges[source.module] = index.find_edges(source, statements, loose)
            problems += _find_escaping(source, statements)
        else:
            loose.update(index.find_loose(source, statements))
    modules = index.modules()
    graph = Graph(
        tuple(module.name for module in modules), tuple(edge for module in modules for edge in edges[module.name])
    )
    return ModuleGraph(modules, graph, tuple(sorted(set(problems))), tuple(sorted(loose)))


def member_edges(workspace: Workspace, modules: ModuleGraph) -> Graph:
    """What sources say between members: edges of the kinds `import`, `type-checking`, `lazy` and `test`."""
    owners = {module.name: module.member for module in modules.modules}
    found: dict[tuple[str, str], list[Evidence]] = {}
    for source, target, evidence in modules.graph.edges:
        ends = (owners[source], owners[target])
        if ends[0] != ends[1]:
            found.setdefault(ends, []).extend(map(_as_observed, evidence))
    for member, target, place in modules.loose:
        found.setdefault((member, target), []).append(place)
    return Graph(tuple(member.name for member in workspace.members), merge_edges(found))


def read_imports(workspace: Workspace, *, use_cache: bool = True) -> tuple[ExternalImport, ...]:
    """Every imported name of every file, tests included, sorted by file and line."""
    files, _ = _read_files(workspace, tests=True, use_cache=use_cache)
    index = _Index([source for source, _ in files])
    return tuple(
        item
        for source, (_, lump, _, _) in sorted(files)
        for item in dict.fromkeys(index.find_names(source, open_lump(lump)))
    )


def _read_files(
    workspace: Workspace, *, tests: bool, use_cache: bool
) -> tuple[list[tuple[Source, Reading]], list[Finding]]:
    read_at = time.time_ns()
    sources, problems = find_sources(workspace, tests=tests)
    tops = frozenset(source.module.partition(".")[0] for source in sources if source.module)
    files: list[tuple[Source, Reading]] = []
    for name in ("modules", "others") if tests else ("modules",):
        chosen = [source for source in sources if bool(source.module) == (name == "modules")]
        readings = read_statements(workspace.root, name, chosen, tops, read_at, use_cache=use_cache)
        files += zip(chosen, readings, strict=True)
    return files, problems


#: A statement whose base is absolute: line, kind, base, names, guarded.
_Absolute = tuple[int, str, str, tuple[str, ...], bool]
_NOTHING = frozenset({""})


class _Index:
    """All files by their dotted names, and what it takes to follow an import statement."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.duplicates: list[Finding] = []
        self._sources: dict[str, Source] = {}
        for source in sources:
            if source.module and self._sources.setdefault(source.module, source) is not source:
                self.duplicates.append(_duplicate(source, self._sources[source.module]))
        self._tests = {source.path for source in sources if source.test}
        #: What has modules below it, with the one member that has them all; empty when they are several.
        self._packages: dict[str, str] = {}
        for name, source in self._sources.items():
            self._add_packages(name, source.member)

    def modules(self) -> tuple[Module, ...]:
        """The first file of each name, sorted by name."""
        return tuple(Module(name, source.member, source.path) for name, source in sorted(self._sources.items()))

    def is_module(self, source: Source) -> bool:
        """Whether this file is the module of its name."""
        return self._sources.get(source.module) is source

    def find_edges(self, source: Source, statements: Sequence[Statement], loose: set[Loose]) -> list[Edge]:
        """The edges from a module, sorted. What leads to a member but to no module of it is added to `loose`."""
        found: dict[str, list[Evidence]] = {}
        for line, kind, base, names, _ in _make_absolute(source, statements):
            targets = self._find_targets(base, names)
            place = Evidence(kind, source.path, line)
            for target in targets:
                if target != source.module:
                    found.setdefault(target, []).append(place)
            if not targets and (owner := self._find_owner(base)) not in ("", source.member):
                loose.add(Loose(source.member, owner, _as_observed(place)))
        return [
            Edge(source.module, target, tuple(sorted(set(places)) if len(places) > 1 else places))
            for target, places in sorted(found.items())
        ]

    def find_loose(self, source: Source, statements: Sequence[Statement]) -> Iterator[Loose]:
        """The imports of other members by a file that is no module."""
        for line, kind, base, names, _ in _make_absolute(source, statements):
            place = _as_observed(Evidence("test" if source.test else kind, source.path, line))
            for owner in self._find_owners(source, base, names) - {source.member}:
                yield Loose(source.member, owner, place)

    def find_names(self, source: Source, statements: Sequence[Statement]) -> Iterator[ExternalImport]:
        """Every imported name of a file, each with the member that it leads to."""
        path, member, _, test, _ = source
        for line, kind, base, names, guarded in _make_absolute(source, statements):
            for taken in names or ("",):
                name = base if taken in ("", "*") else f"{base}.{taken}"
                (target,) = self._find_owners(source, base, (taken,) if taken else ()) or ("",)
                yield ExternalImport(member, path, line, kind, name, guarded, test, target)

    def _add_packages(self, name: str, member: str) -> None:
        while name := name.rpartition(".")[0]:
            known = self._packages.setdefault(name, member)
            if known != member:
                self._packages[name] = ""

    def _find_targets(self, base: str, names: tuple[str, ...]) -> Collection[str]:
        """The modules that a statement leads to; `import base` has no names."""
        sources = self._sources
        if names and base in self._packages:
            known = base if base in sources else ""
            return {below if (below := f"{base}.{name}") in sources else known for name in names} - _NOTHING
        if not names:
            while base and base not in sources:
                base = base.rpartition(".")[0]
        return (base,) if base in sources else ()

    def _find_owners(self, source: Source, base: str, names: tuple[str, ...]) -> set[str]:
        """The members that a statement leads to, the importing one included; for a single name at most one."""
        if source.test and self._is_beside(source.path, base.partition(".")[0]):
            return {source.member}
        targets = self._find_targets(base, names)
        return {self._sources[target].member for target in targets} or {self._find_owner(base)} - _NOTHING

    def _find_owner(self, name: str) -> str:
        """The member of the innermost package that a name without a file belongs to; empty when that is not clear."""
        if name.partition(".")[0] in sys.stdlib_module_names:
            return ""
        while name and name not in self._packages:
            name = name.rpartition(".")[0]
        return self._sources[name].member if name in self._sources else self._packages.get(name, "")

    def _is_beside(self, path: str, top: str) -> bool:
        """Whether a test means a file near it: in its folder or above, where no `__init__.py` makes that a package.

        pytest puts such folders on the path, as Python does with the folder of a script.
        """
        while path := path.rpartition("/")[0]:
            near = f"{path}/{top}.py" in self._tests or f"{path}/{top}/__init__.py" in self._tests
            if near and f"{path}/__init__.py" not in self._tests:
                return True
        return False


def _make_absolute(source: Source, statements: Sequence[Statement]) -> Iterator[_Absolute]:
    """Resolve relative imports. Those that leave their package lead nowhere.

    In a file that is no module they stay among its like, and are left out.
    """
    package = _find_package(source)
    for line, kind, level, name, names, guarded in statements:
        if not level:
            yield line, kind, name, names, guarded
        elif base := _climb(package, level):
            yield line, kind, f"{base}.{name}" if name else base, names, guarded


def _find_escaping(source: Source, statements: Sequence[Statement]) -> Iterator[Finding]:
    package = _find_package(source)
    for line, _, level, name, _, _ in statements:
        if level and not _climb(package, level):
            written = "." * level + name
            message = f"the relative import of {written} leaves the package of {source.module}"
            remedy = "import it by its full name"
            yield Finding(ESCAPING_RELATIVE_IMPORT, source.path, line, message, remedy, f"{source.module} {written}")


def _find_package(source: Source) -> str:
    """The package that the relative imports of a file start in; empty when it is in none."""
    return source.module if source.path.endswith("/__init__.py") else source.module.rpartition(".")[0]


def _climb(package: str, level: int) -> str:
    """The package that the dots of a relative import lead to; empty when they leave the outermost one."""
    for _ in range(level - 1):
        package = package.rpartition(".")[0]
    return package


def _as_observed(place: Evidence) -> Evidence:
    """The same place as evidence between members."""
    return Evidence("import", place.file, place.line) if place.kind == "toplevel" else place


def _duplicate(source: Source, first: Source) -> Finding:
    message = f"the module {source.module} is {first.path} already; nothing leads to this file"
    remedy = "rename one of the two, or put one into a package of its own"
    return Finding(DUPLICATE_MODULE, source.path, 0, message, remedy, source.module)

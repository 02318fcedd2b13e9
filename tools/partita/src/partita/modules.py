"""Who imports whom: the files of all members, resolved over one table of dotted names.

Namespace packages are shared by many members, so a name leads to a file and the file to its member, never a top-level
name to a member.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from partita import cache
from partita.findings import DUPLICATE_MODULE, ESCAPING_RELATIVE_IMPORT, UNREADABLE_SOURCE, Finding
from partita.graph import Evidence, Graph, merge_edges
from partita.imports import Statement, parse_imports
from partita.parallel import map_chunks
from partita.sources import Source, find_sources
from partita.tree import is_racy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from partita.tree import Stamp, Tree
    from partita.workspace import Workspace

_SMALLEST_CHUNK = 100  # files; below that a second process costs more than it saves

#: What one file holds: its statements, and why it could not be read (code, line, sentence), if so.
_Content = tuple[tuple[Statement, ...], tuple[str, int, str] | None]


class Module(NamedTuple):
    """A module of the workspace. `file` is relative to the root."""

    name: str
    member: str
    file: str


class ExternalImport(NamedTuple):
    """One imported name, as it leads anywhere: to this workspace, to a third party, to the standard library.

    `name` is dotted and whole, relative imports resolved, the imported name included; `kind` is of `MODULE_KINDS`;
    `guarded` says that a failure is caught; `test` that the file is no module of its member.
    """

    member: str
    file: str
    line: int
    kind: str
    name: str
    guarded: bool
    test: bool


class ModuleGraph(NamedTuple):
    """Modules sorted by name, and the edges between them; evidence has the kinds of `MODULE_KINDS`.

    `tests` are the imports of other members by files that are no modules: (member, used member, place).
    """

    modules: tuple[Module, ...]
    graph: Graph
    problems: tuple[Finding, ...]
    tests: tuple[tuple[str, str, Evidence], ...]


def read_modules(workspace: Workspace, *, use_cache: bool = True) -> ModuleGraph:
    """Read every source file of the workspace and resolve its imports; only changed files are read again."""
    sources, problems = find_sources(workspace)
    contents = _read_contents(workspace.tree, sources, use_cache=use_cache)
    modules, duplicates = _choose_modules(sources)
    problems += duplicates
    found: dict[tuple[str, str], list[Evidence]] = {}
    tests: set[tuple[str, str, Evidence]] = set()
    for source, (statements, problem) in zip(sources, contents, strict=True):
        if problem is not None:
            problems.append(Finding(problem[0], source.file, problem[1], problem[2]))
        module = source.module
        if module is None:
            tests.update(_test_edges(source, statements, modules))
        elif modules[module].file == source.file:
            _resolve(source, statements, modules, found, problems)
    graph = Graph(tuple(sorted(modules)), merge_edges(found))
    return ModuleGraph(
        tuple(modules[name] for name in graph.nodes), graph, tuple(sorted(set(problems))), tuple(sorted(tests))
    )


def member_edges(workspace: Workspace, modules: ModuleGraph) -> Graph:
    """What sources say between members: edges of the kinds `import`, `lazy`, `type-checking` and `test`."""
    owners = {module.name: module.member for module in modules.modules}
    found: dict[tuple[str, str], list[Evidence]] = {}
    for source, target, evidence in modules.graph.edges:
        ends = (owners[source], owners[target])
        if ends[0] != ends[1]:
            found.setdefault(ends, []).extend(
                Evidence("import", item.file, item.line) if item.kind == "toplevel" else item for item in evidence
            )
    for member, used, evidence_of_test in modules.tests:
        found.setdefault((member, used), []).append(evidence_of_test)
    return Graph(tuple(member.name for member in workspace.members), merge_edges(found))


def read_imports(workspace: Workspace, *, use_cache: bool = True) -> tuple[ExternalImport, ...]:
    """Every imported name of every file, tests included, sorted by file and line."""
    sources, _ = find_sources(workspace)
    contents = _read_contents(workspace.tree, sources, use_cache=use_cache)
    return tuple(
        item
        for source, (statements, _) in zip(sources, contents, strict=True)
        for item in dict.fromkeys(_external_imports(source, statements))
    )


def _read_contents(tree: Tree, sources: Sequence[Source], *, use_cache: bool) -> list[_Content]:
    """What each source holds, in their order; stale ones are read on all cores."""
    read_at = time.time_ns()
    loaded = cache.load(tree.root, "imports") if use_cache else None
    known: dict[str, tuple[Stamp, *_Content]] = loaded if isinstance(loaded, dict) else {}
    stamps = {source.file: tree.stamp(source.file) for source in sources}
    stale = [file for file, stamp in stamps.items() if (entry := known.get(file)) is None or entry[0] != stamp]
    fresh = [
        entry
        for part in map_chunks(lambda files: _read_files(tree.root, files), stale, _SMALLEST_CHUNK)
        for entry in part
    ]
    contents = {file: entry[1:] for file, entry in known.items()}
    contents.update(zip(stale, fresh, strict=True))
    if use_cache and (stale or len(known) != len(stamps)):
        kept = {f: (s, *contents[f]) for f, s in stamps.items() if s is not None and not is_racy(s, read_at)}
        cache.store(tree.root, "imports", kept)
    return [contents[source.file] for source in sources]


def _read_files(root: str, files: Sequence[str]) -> list[_Content]:
    """Runs in a forked process, too: plain data out."""
    return [_read_file(f"{root}/{file}") for file in files]


def _read_file(path: str) -> _Content:
    try:
        with open(path, "rb", buffering=0) as file:
            source = file.read()
    except OSError as error:
        return (), (UNREADABLE_SOURCE, 0, f"the file cannot be read: {error.strerror}")
    return (*parse_imports(source),)


def _choose_modules(sources: Sequence[Source]) -> tuple[dict[str, Module], list[Finding]]:
    """The first path of a module name is the module; the others are problems."""
    modules: dict[str, Module] = {}
    problems = []
    for file, member, name in sources:
        if name is None:
            continue
        first = modules.setdefault(name, Module(name, member, file))
        if first.file != file:
            message = f"the module {name} is {first.file} already; this file is not looked at"
            problems.append(Finding(DUPLICATE_MODULE, file, 0, message, subject=name))
    return modules, problems


def _resolve(
    source: Source,
    statements: Sequence[Statement],
    modules: dict[str, Module],
    found: dict[tuple[str, str], list[Evidence]],
    problems: list[Finding],
) -> None:
    """Add the edges of one module."""
    module = source.module or ""
    for line, kind, level, name, taken, _ in statements:
        base = _absolute(source, level, name) if level else name
        if base is None:
            dots = "." * level
            message = f"the relative import of {dots}{name} leaves its top-level package"
            problems.append(
                Finding(ESCAPING_RELATIVE_IMPORT, source.file, line, message, subject=f"{module} {dots}{name}")
            )
            continue
        for target in _targets(base, taken, modules):
            if target != module:
                found.setdefault((module, target), []).append(Evidence(kind, source.file, line))


def _targets(base: str, taken: tuple[str, ...], modules: dict[str, Module]) -> Iterator[str]:
    """Which modules a statement leads to. `taken` is empty for `import base`."""
    if not taken:
        while base and base not in modules:
            base = base.rpartition(".")[0]
        if base:
            yield base
        return
    for item in taken:
        below = f"{base}.{item}"
        if below in modules:
            yield below
        elif base in modules:
            yield base


def _absolute(source: Source, level: int, name: str) -> str | None:
    """What a relative import means, None when it leaves its top-level package (or the file is in none)."""
    parts = (source.module or "").split(".")
    if not source.file.endswith("/__init__.py"):
        parts.pop()
    kept = len(parts) - level + 1
    if kept < 1 or not parts[0]:
        return None
    return ".".join([*parts[:kept], name]) if name else ".".join(parts[:kept])


def _test_edges(
    source: Source, statements: Sequence[Statement], modules: dict[str, Module]
) -> Iterator[tuple[str, str, Evidence]]:
    for line, _, level, name, taken, _ in statements:
        for target in () if level else _targets(name, taken, modules):
            if (used := modules[target].member) != source.member:
                yield source.member, used, Evidence("test", source.file, line)


def _external_imports(source: Source, statements: Sequence[Statement]) -> Iterator[ExternalImport]:
    for line, kind, level, name, taken, guarded in statements:
        base = _absolute(source, level, name) if level else name
        if base is None:
            continue
        for item in taken or ("",):
            whole = base if item in ("", "*") else f"{base}.{item}"
            yield ExternalImport(source.member, source.file, line, kind, whole, guarded, source.module is None)

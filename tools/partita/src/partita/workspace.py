"""Which members a repository has. One question, answered from manifests and folder listings only."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from partita import cache
from partita.configuration import FILE_NAME, Configuration, check_members, read_configuration
from partita.discovery import find_legacy, find_manifests, has_workspace_table
from partita.errors import PartitaError
from partita.findings import DUPLICATE_NAME, UNREADABLE_MANIFEST, Finding
from partita.manifest import Manifest, Requirement, parse_manifest
from partita.parallel import map_chunks
from partita.tree import SKIPPED_FOLDERS, Stamp, Tree, is_racy, join

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMALLEST_CHUNK = 150  # manifests; below that a second process costs more than it saves
_NOT_SOURCES = frozenset({"tests", "test", "docs", "examples", "scripts"})


class Member(NamedTuple):
    """One package of the workspace. Paths are relative to the root; the root itself is ``.``."""

    name: str
    folder: str
    manifest: str
    import_root: str
    imports: tuple[str, ...]
    version: str | None
    tier: str | None
    requirements: tuple[Requirement, ...]
    dynamic: tuple[str, ...]


class Workspace(NamedTuple):
    """Everything that is known without reading a source file. `members` are sorted by name.

    `configured` says that a `workspace.toml` exists. `duplicates` are (name, folder) of manifests whose name another
    member has already; `problems` is what could not be read as meant.
    """

    root: str
    members: tuple[Member, ...]
    configuration: Configuration
    configured: bool
    duplicates: tuple[tuple[str, str], ...]
    problems: tuple[Finding, ...]
    tree: Tree

    def member(self, name: str) -> Member:
        """The member of this normalised name. Raises KeyError."""
        for member in self.members:
            if member.name == name:
                return member
        raise KeyError(name)


class _Record(NamedTuple):
    """What one member folder holds, as it is cached; `stamps` are what it rests on, by relative path."""

    manifest: Manifest
    import_root: str
    imports: tuple[str, ...]
    stamps: tuple[tuple[str, Stamp | None], ...]


def find_root(start: str) -> str:
    """The nearest folder upward with a `workspace.toml` or a uv workspace, else `start` itself, absolute."""
    start = os.path.abspath(start)
    folder = start
    while True:
        if os.path.isfile(os.path.join(folder, FILE_NAME)) or has_workspace_table(Tree(folder)):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return start
        folder = parent


def read_workspace(root: str, *, use_cache: bool = True) -> Workspace:
    """Read every manifest of the repository at `root`.

    Raises PartitaError when there is no such folder, no member at all, or, in a repository that has a
    `workspace.toml`, when any manifest or the configuration itself is broken: all problems at once.
    """
    if not os.path.isdir(root):
        raise PartitaError(f"{root}: no such folder; give the root of a repository with --root")
    tree = Tree(root)
    configuration = read_configuration(tree)
    folders, problems = find_manifests(tree)
    records = _read_records(tree, folders, use_cache=use_cache)
    members, duplicates = _choose_members(records, configuration or Configuration())
    for record in records.values():
        problems.extend(record.manifest.problems)
    if configuration is not None:
        _refuse_broken(records, duplicates, configuration, members)
    if not members:
        raise PartitaError(_no_members(tree, problems))
    problems.extend(_duplicate_problems(members, duplicates))
    return Workspace(
        tree.root,
        members,
        configuration or Configuration(),
        configuration is not None,
        duplicates,
        tuple(sorted(set(problems))),
        tree,
    )


def _read_records(tree: Tree, folders: Sequence[str], *, use_cache: bool) -> dict[str, _Record]:
    """Records by folder, in the order of `folders`; only stale ones are read again."""
    read_at = time.time_ns()
    known = _load_records(tree.root) if use_cache else {}
    fresh = {folder: known[folder] for folder in folders if folder in known and _is_fresh(tree, known[folder])}
    stale = [folder for folder in folders if folder not in fresh]
    for part in map_chunks(lambda chunk: [_read_member(tree.root, folder) for folder in chunk], stale, _SMALLEST_CHUNK):
        for folder, plain in part:
            fresh[folder] = _record(plain)
            for path, stamp in fresh[folder].stamps:
                tree.observe(path, stamp)
    if use_cache and (stale or len(known) != len(fresh)):
        kept = {f: r for f, r in fresh.items() if not any(is_racy(stamp, read_at) for _, stamp in r.stamps)}
        cache.store(tree.root, "members", [(folder, _plain(record)) for folder, record in kept.items()])
    return {folder: fresh[folder] for folder in folders}


def _is_fresh(tree: Tree, record: _Record) -> bool:
    return all(tree.stamp(path) == stamp for path, stamp in record.stamps)


def _load_records(root: str) -> dict[str, _Record]:
    content = cache.load(root, "members")
    return {folder: _record(plain) for folder, plain in content} if isinstance(content, list) else {}


def _plain(record: _Record) -> tuple[object, ...]:
    manifest = record.manifest
    requirements = tuple(map(tuple, manifest.requirements))
    problems = tuple(map(tuple, manifest.problems))
    return (
        (manifest.name, manifest.version, requirements, manifest.dynamic, problems, *manifest[5:]),
        *record[1:],
    )


def _record(plain: tuple) -> _Record:  # type: ignore[type-arg] # the exact mirror of _plain
    (name, version, requirements, dynamic, problems, *workspace), *rest = plain
    requirements = tuple(map(Requirement._make, requirements))
    manifest = Manifest(name, version, requirements, dynamic, tuple(map(Finding._make, problems)), *workspace)
    return _Record(manifest, *rest)


def _read_member(root: str, folder: str) -> tuple[str, tuple[object, ...]]:
    """Runs in a forked process, too: plain data out."""
    tree = Tree(root)
    path = _manifest_path(folder)
    try:
        manifest = parse_manifest(tree.read(path), path)
    except FileNotFoundError:
        manifest = Manifest(None, None, (), (), tuple(find_legacy(tree, folder)))
    except OSError as error:
        problem = Finding(UNREADABLE_MANIFEST, path, 0, f"the manifest cannot be read: {error.strerror}")
        manifest = Manifest(None, None, (), (), (problem,))
    import_root, imports = _find_imports(tree, folder)
    return folder, _plain(_Record(manifest, import_root, imports, tree.observations()))


def _find_imports(tree: Tree, folder: str) -> tuple[str, tuple[str, ...]]:
    """The import root of a member folder, and the names that can be imported from it."""
    source_folder = join(folder, "src")
    import_root = source_folder if tree.exists(source_folder) else folder
    try:
        entries = tree.entries(import_root)
    except OSError:
        return import_root, ()
    names = set()
    for name, is_folder in entries:
        stem = name if is_folder else name.removesuffix(".py")
        if not stem.isidentifier() or stem in SKIPPED_FOLDERS:
            continue
        if is_folder and import_root == folder and name in _NOT_SOURCES:
            continue
        if _holds_sources(tree, join(import_root, name)) if is_folder else stem != name:
            names.add(stem)
    return import_root, tuple(sorted(names))


def _holds_sources(tree: Tree, folder: str) -> bool:
    """Whether a folder is a package: it holds a Python file, or (namespace packages) a folder that does."""
    if tree.exists(join(folder, "__init__.py")):
        return True
    try:
        entries = tree.entries(folder)
    except OSError:
        return False
    if any(not is_folder and name.endswith(".py") for name, is_folder in entries):
        return True
    folders = (name for name, is_folder in entries if is_folder and name.isidentifier() and name not in SKIPPED_FOLDERS)
    return any(_holds_sources(tree, join(folder, name)) for name in folders)


def _choose_members(
    records: dict[str, _Record], configuration: Configuration
) -> tuple[tuple[Member, ...], tuple[tuple[str, str], ...]]:
    """The first path in sorted order is the member of a name; the others are duplicates."""
    tiers = {member: tier.name for tier in configuration.tiers for member in tier.members}
    members: dict[str, Member] = {}
    duplicates = []
    for folder in sorted(records):
        manifest, import_root, imports, _ = records[folder]
        name = manifest.name
        if name is None:
            continue
        if name in members:
            duplicates.append((name, folder))
            continue
        members[name] = Member(
            name,
            folder,
            _manifest_path(folder),
            import_root,
            imports,
            manifest.version,
            tiers.get(name),
            manifest.requirements,
            manifest.dynamic,
        )
    return tuple(members[name] for name in sorted(members)), tuple(sorted(duplicates))


def _manifest_path(folder: str) -> str:
    return join(folder, "pyproject.toml")


def _refuse_broken(
    records: dict[str, _Record],
    duplicates: tuple[tuple[str, str], ...],
    configuration: Configuration,
    members: tuple[Member, ...],
) -> None:
    """A configured workspace vouches for itself: what is broken in it stops every command."""
    broken = [
        f"{problem.file}:{problem.line}: {problem.message}"
        for record in records.values()
        for problem in record.manifest.problems
        if problem.code == UNREADABLE_MANIFEST
    ]
    first = {member.name: member.manifest for member in members}
    broken += [
        f"{_manifest_path(folder)}: the name {name!r} is taken by {first[name]}; give one of them another name"
        for name, folder in duplicates
    ]
    broken += check_members(configuration, {member.name for member in members})
    if broken:
        raise PartitaError(*broken)


def _duplicate_problems(members: tuple[Member, ...], duplicates: tuple[tuple[str, str], ...]) -> list[Finding]:
    first = {member.name: member.manifest for member in members}
    return [
        Finding(DUPLICATE_NAME, _manifest_path(folder), 0, f"the name {name} is taken by {first[name]}", subject=name)
        for name, folder in duplicates
    ]


def _no_members(tree: Tree, problems: list[Finding]) -> str:
    told = "".join(f"\n{problem.file}:{problem.line}: {problem.message}" for problem in problems)
    return f"{tree.root}: no package here: no pyproject.toml below this folder has a project name{told}"

"""Which Python files the members have, and by which dotted names they can be imported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from partita.findings import UNREADABLE_FOLDER, Finding
from partita.parallel import map_chunks
from partita.tree import OUTSIDE_FOLDERS, SKIPPED_FOLDERS, Stamp, join, read_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from partita.workspace import Member, Workspace

_SMALLEST_WALK = 1000  # members; below that a second process costs more than it saves


class Source(NamedTuple):
    """A file of a member. `path` is relative to the root, `module` empty for a file that has no dotted name.

    `test` says that it stands outside of the import root: it belongs to the member, but is no part of what it ships.
    `stamp` is from before the file was read, None when it cannot even be looked at.
    """

    path: str
    member: str
    module: str
    test: bool
    stamp: Stamp | None


def find_sources(workspace: Workspace, *, tests: bool) -> tuple[list[Source], list[Finding]]:
    """Every file that is a module, with `tests` every other one, too, sorted by path; and folders nobody may read.

    A file belongs to the innermost member. Folders that start with a dot and `SKIPPED_FOLDERS` are not entered (unless
    they are packages: one may well be named `build`), and links to folders are not followed.
    """
    homes = frozenset(member.folder for member in workspace.members)

    def walk(members: Sequence[Member]) -> tuple[list[tuple[object, ...]], list[tuple[str, Stamp | None, str]]]:
        """Runs in a forked process, too: plain data out."""
        walker = _Walker(workspace.root, homes, tests=tests)
        for member in members:
            walker.walk(member)
        return walker.files, walker.folders

    sources: list[Source] = []
    problems = []
    observe = workspace.tree.observe
    for files, folders in map_chunks(walk, workspace.members, _SMALLEST_WALK):
        sources += map(Source._make, files)
        for path, stamp, error in folders:
            observe(path, stamp)
            if error:
                problems.append(
                    Finding(UNREADABLE_FOLDER, path, 0, f"the folder cannot be read: {error}", subject=path)
                )
    for path, _, _, _, stamp in sources:
        observe(path, stamp)
    sources.sort()
    return sources, problems


class _Walker:
    """Collects the files of members, and every folder it looks into with its stamp and what was wrong with it."""

    def __init__(self, root: str, homes: frozenset[str], *, tests: bool) -> None:
        self.root = root
        self.homes = homes
        self.tests = tests
        self.files: list[tuple[object, ...]] = []
        self.folders: list[tuple[str, Stamp | None, str]] = []

    def walk(self, member: Member) -> None:
        """Collect the files of one member."""
        import_root = member.import_root
        outside = OUTSIDE_FOLDERS if import_root == member.folder else ()
        # Folders to enter, what dotted names start with there (None: there are none), outside of the import root?
        stack: list[tuple[str, str | None, bool]] = [(import_root, "", False)]
        if self.tests and not outside:
            stack = [(member.folder, None, True)]
        while stack:
            folder, start, test = stack.pop()
            for name in self._read_folder(member.name, folder, start, test=test):
                path = join(folder, name)
                if path in self.homes:
                    continue
                if path == import_root:
                    stack.append((path, "", False))
                elif start is not None and name.isidentifier() and not (name in outside and folder == import_root):
                    stack.append((path, f"{start}{name}.", test))
                elif self.tests:
                    stack.append((path, None, test or (name in outside and folder == import_root)))

    def _read_folder(self, member: str, folder: str, start: str | None, *, test: bool) -> list[str]:
        """Collect the files right in a folder; the names of the folders in it that may be entered."""
        place = self.root if folder == "." else f"{self.root}/{folder}"
        stamp, error, inner = read_stamp(place), "", []
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = entry.name
                    if name.endswith(".py") and not entry.is_dir(follow_symlinks=False):
                        module = _name_module(start, name[:-3])
                        if module or self.tests:
                            read = read_stamp(f"{place}/{name}")
                            self.files.append((join(folder, name), member, module, test, read))
                    elif name[0] != "." and entry.is_dir(follow_symlinks=False) and _may_enter(place, name):
                        inner.append(name)
        except OSError as problem:
            error = problem.strerror or str(problem)
        self.folders.append((folder, stamp, error))
        return inner


def _name_module(start: str | None, stem: str) -> str:
    """The dotted name of a file; empty when it has none."""
    if start is None or not stem.isidentifier():
        return ""
    return start[:-1] if stem == "__init__" else start + stem


def _may_enter(place: str, name: str) -> bool:
    if name not in SKIPPED_FOLDERS:
        return True
    return name.isidentifier() and os.path.exists(f"{place}/{name}/__init__.py")

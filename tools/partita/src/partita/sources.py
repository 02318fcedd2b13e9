"""The Python files of every member, and the dotted names they have as modules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from partita.findings import UNREADABLE_FOLDER, Finding
from partita.tree import SKIPPED_FOLDERS, join

if TYPE_CHECKING:
    from partita.workspace import Workspace

_OUTSIDE = frozenset({"tests", "test", "docs", "examples", "scripts"})


class Source(NamedTuple):
    """A file of a member; `module` is None for one that is no module."""

    file: str
    member: str
    module: str | None


def find_sources(workspace: Workspace) -> tuple[list[Source], list[Finding]]:
    """Every Python file of every member, sorted."""
    homes = {member.folder for member in workspace.members}
    found: list[Source] = []
    problems: list[Finding] = []
    for member in workspace.members:
        stack: list[tuple[str, str | None]] = [(member.folder, "" if member.import_root == member.folder else None)]
        while stack:
            folder, dotted = stack.pop()
            try:
                entries = workspace.tree.entries(folder)
            except OSError as error:
                problems.append(Finding(UNREADABLE_FOLDER, folder, 0, f"the folder cannot be read: {error.strerror}"))
                continue
            for name, is_folder in entries:
                path = join(folder, name)
                if is_folder:
                    if name.startswith(".") or name in SKIPPED_FOLDERS or path in homes:
                        continue
                    inner = None if dotted is None or not name.isidentifier() else f"{dotted}.{name}".lstrip(".")
                    if folder == member.folder == member.import_root and name in _OUTSIDE:
                        inner = None
                    stack.append((path, "" if path == member.import_root else inner))
                elif name.endswith(".py"):
                    stem = name[:-3]
                    module = None
                    if dotted is not None and stem.isidentifier():
                        module = dotted if stem == "__init__" else f"{dotted}.{stem}".lstrip(".")
                    found.append(Source(path, member.name, module or None))
    return sorted(found), problems

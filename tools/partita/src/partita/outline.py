"""The members in outline: as much as a question about changes needs, remembered while nothing it rests on changes.

Reading a thousand members takes longer than git needs to say what changed among them. Like every cache this one only
saves time: it is believed when each file and folder that was looked at, absent ones included, is still the same.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from partita import cache
from partita.tree import is_racy, read_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.tree import Stamp
    from partita.workspace import Workspace

_NAME = "outline"
_ROOT_FILES = ("workspace.toml", "pyproject.toml")


#: A declared dependency: the name, its kind, and the line of the manifest that says so.
Need = tuple[str, str, int]


class Outline(NamedTuple):
    """What is known of one member, in the words of `workspace.Member`.

    `is_dynamic` says that its build adds dependencies which nobody can tell from the manifest.
    """

    name: str
    folder: str
    manifest: str
    import_root: str
    needs: tuple[Need, ...]
    is_dynamic: bool = False


class Memory(NamedTuple):
    """A workspace as it was read last. `rests_on` are absolute paths and their stamps."""

    root: str
    members: tuple[Outline, ...]
    rests_on: tuple[tuple[str, Stamp | None], ...]

    def is_fresh(self) -> bool:
        """Whether everything is as it was."""
        return all(read_stamp(path) == stamp for path, stamp in self.rests_on)


def recall(start: str, *, is_root: bool) -> Memory | None:
    """What was read last for this absolute folder, if it would lead to the same root again.

    `is_root` says that the folder is the root, by the user's own word. Whether the memory is fresh is not looked at:
    that can be done while git runs.
    """
    content = cache.load(start, _NAME)
    if not isinstance(content, tuple) or content[0] != is_root:
        return None
    _, root, found_by, rests_on, members = content
    if any(read_stamp(path) != stamp for path, stamp in found_by):
        return None
    return Memory(root, tuple(map(Outline._make, members)), rests_on)


def remember(start: str, workspace: Workspace, read_at: int, *, is_root: bool) -> None:
    """Keep what was read from `read_at` (nanoseconds) on; what may have changed unseen meanwhile is not kept."""
    rests_on = tuple(workspace.tree.observed.items())
    found_by = () if is_root else tuple((path, read_stamp(path)) for path in _root_files(start))
    if not any(is_racy(stamp, read_at) for _, stamp in (*rests_on, *found_by)):
        members = tuple(map(tuple, draw(workspace)))
        cache.store(start, _NAME, (is_root, workspace.root, found_by, rests_on, members))


def draw(workspace: Workspace) -> tuple[Outline, ...]:
    """The members of a workspace in outline, in its order."""
    return tuple(
        Outline(
            member.name,
            member.folder,
            member.manifest,
            member.import_root,
            tuple((item.name, item.kind, item.line) for item in member.requirements if item.name != member.name),
            "dependencies" in member.dynamic,
        )
        for member in workspace.members
    )


def _root_files(start: str) -> Iterator[str]:
    """The files that decide where the root is: two in the folder itself and in each one above it."""
    folder = start
    while True:
        yield from (os.path.join(folder, name) for name in _ROOT_FILES)
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)

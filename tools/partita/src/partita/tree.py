"""The one reader of a repository's files. It remembers what every answer rests on."""

from __future__ import annotations

import os

#: What is compared to tell whether a file is still the one that was read: modification and change time in
#: nanoseconds, size, inode. The change time cannot be set back by a program that restores the other three.
Stamp = tuple[int, int, int, int]

#: Folders that are never entered when looking for manifests or sources.
SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "build", "dist"})

#: Folders right below a member without a `src` folder that are no part of what it ships.
OUTSIDE_FOLDERS = frozenset({"tests", "test", "docs", "examples", "scripts"})

#: Clocks of file systems tick in steps; a file written within the step of its own reading may change unseen.
RACY_NANOSECONDS = 20_000_000


def read_stamp(path: str) -> Stamp | None:
    """The stamp of a file or folder, following links; None when there is none or it may not be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


class Tree:
    """Reads below one root and records the stamp of everything it was asked about, absent things included.

    Paths are relative to the root, with ``/``; the root itself is ``.``. `observed` maps absolute paths to the
    stamp taken *before* the content was read, so that a change during reading is noticed later.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.observed: dict[str, Stamp | None] = {}

    def absolute(self, path: str) -> str:
        """The absolute path of a path relative to the root."""
        return self.root if path == "." else f"{self.root}/{path}"

    def stamp(self, path: str) -> Stamp | None:
        """The stamp of a path, taken once for each tree."""
        absolute = self.absolute(path)
        if absolute not in self.observed:
            self.observed[absolute] = read_stamp(absolute)
        return self.observed[absolute]

    def observe(self, path: str, stamp: Stamp | None) -> None:
        """Record a stamp that another process took."""
        self.observed.setdefault(self.absolute(path), stamp)

    def observations(self) -> tuple[tuple[str, Stamp | None], ...]:
        """What was asked about so far, by path relative to the root."""
        start = len(self.root) + 1
        return tuple((path[start:] or ".", stamp) for path, stamp in self.observed.items())

    def read(self, path: str) -> bytes:
        """The content of a file. Raises OSError."""
        self.stamp(path)
        with open(self.absolute(path), "rb", buffering=0) as file:
            return file.read()

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        """Sorted (name, is folder) of what a folder holds; links to folders do not count as such. Raises OSError."""
        self.stamp(folder)
        with os.scandir(self.absolute(folder)) as found:
            return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)

    def is_linked_folder(self, folder: str, name: str) -> bool:
        """Whether this entry is a symbolic link to a folder."""
        path = self.absolute(join(folder, name))
        return os.path.islink(path) and os.path.isdir(path)

    def exists(self, path: str) -> bool:
        """Whether anything stands at this path."""
        return self.stamp(path) is not None


def join(folder: str, name: str) -> str:
    """`folder/name` relative to the root, where ``.`` is the root itself."""
    return name if folder == "." else f"{folder}/{name}"


def is_racy(stamp: Stamp | None, read_at: int) -> bool:
    """Whether a file with this stamp, read at `read_at` (nanoseconds), may have changed unseen since."""
    return stamp is not None and max(stamp[0], stamp[1]) > read_at - RACY_NANOSECONDS

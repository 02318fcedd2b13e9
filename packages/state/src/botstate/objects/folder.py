"""Files of a folder that hold one object each. It never follows a symbolic link, and calls that block are all here.

The object `reports/2030/january.pdf` is the file `3/reports/2030/january.pdf`: the number of its parts comes first, so
that a key may be an object and a folder of others. A file begins with a line of `HEADER` bytes: its content type.
What is being written lies in `incoming`, and moves to its place when it is complete.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from botlib import ForbiddenError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botlib import SafeKey

HEADER = 256
_MAGIC = b"botobject 1 "
_INCOMING = "incoming"
_STALE = 24 * 3_600  # seconds since its last byte after which an unfinished file was left by a process that died
_TRIES = 100
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ABSENT = (FileNotFoundError, NotADirectoryError)  # also what a link raises when it is not followed
#: What opening a link, or a file where a folder should be, fails with when links are not followed.
_NOT_OURS = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})


class Folder:
    """The folder, open: moving or replacing it changes nothing for who has it. `close` at the end."""

    def __init__(self, path: str) -> None:
        os.makedirs(path, mode=0o700, exist_ok=True)
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(FileExistsError):
            os.mkdir(_INCOMING, 0o700, dir_fd=self._root)
        self._incoming = os.open(_INCOMING, _DIRECTORY, dir_fd=self._root)
        self._remove_stale()

    def close(self) -> None:
        os.close(self._incoming)
        os.close(self._root)

    def create(self, name: str, content_type: str) -> IO[bytes]:
        """A file of this name that is not yet in any place, for `place` or `discard`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = open(os.open(name, flags, 0o600, dir_fd=self._incoming), "w+b")  # noqa: SIM115 - the caller closes it
        file.write((_MAGIC + content_type.encode()).ljust(HEADER - 1) + b"\n")
        return file

    def place(self, name: str, file: IO[bytes], key: SafeKey, *, if_absent: bool) -> bool:
        """Move it to the place of the key, all at once and for good. False when `if_absent` and something is there."""
        file.flush()
        os.fsync(file.fileno())
        for _ in range(_TRIES):
            try:
                with self._folder_of(key, create=True) as (folder, last):
                    self._move(name, folder, last, if_absent=if_absent)
                    os.fsync(folder)
            except FileExistsError:
                return False
            except FileNotFoundError:
                continue  # somebody removed the folder, which was empty, in between
            return True
        raise UnavailableError(f"The object {key} could not be put into its folder, which others keep removing.")

    def discard(self, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._incoming)

    def open(self, key: SafeKey) -> IO[bytes]:
        """The file of the key, at its start. FileNotFoundError, or `ForbiddenError` for what is no file of ours."""
        with self._folder_of(key, create=False) as (folder, last):
            try:
                # Without blocking: somebody may have put a pipe here.
                descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            except OSError as error:
                raise _translated(error, key) from None
        file = open(descriptor, "rb")  # noqa: SIM115 - the caller closes it
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise _foreign(key)
        return file

    def remove(self, key: SafeKey) -> None:
        """Remove the file, and the folders that are empty then. FileNotFoundError when it is not there."""
        parts = key.split("/")
        with self._folder_of(key, create=False) as (folder, last):
            os.unlink(last, dir_fd=folder)
        with suppress(OSError):  # the first that is not empty, or that somebody else removed
            for depth in range(len(parts) - 1, 0, -1):
                with self._folder(str(len(parts)), *parts[: depth - 1], create=False) as folder:
                    os.rmdir(parts[depth - 1], dir_fd=folder)

    def walk(self, below: tuple[str, ...]) -> Iterator[tuple[str, os.stat_result]]:
        """Key and status of every object below that folder, in no order."""
        for depth in self._depths():
            if depth > len(below):
                with suppress(*_ABSENT), self._folder(str(depth), *below, create=False) as folder:
                    yield from _walk(folder, "/".join(below), depth - len(below))

    def _move(self, name: str, folder: int, last: str, *, if_absent: bool) -> None:
        if if_absent:
            os.link(name, last, src_dir_fd=self._incoming, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(name, dir_fd=self._incoming)
        else:
            os.replace(name, last, src_dir_fd=self._incoming, dst_dir_fd=folder)

    def _depths(self) -> list[int]:
        with os.scandir(self._root) as entries:
            return [int(it.name) for it in entries if it.name.isdecimal()]

    @contextmanager
    def _folder_of(self, key: SafeKey, *, create: bool) -> Iterator[tuple[int, str]]:
        parts = key.split("/")
        try:
            with self._folder(str(len(parts)), *parts[:-1], create=create) as folder:
                yield folder, parts[-1]
        except NotADirectoryError as error:
            raise _translated(error, key) from None

    @contextmanager
    def _folder(self, *parts: str, create: bool) -> Iterator[int]:
        """Step by step, so that a link that stands on the way, or is put there meanwhile, is not followed."""
        current = os.dup(self._root)
        try:
            for part in parts:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=current)
                following = _open_directory(part, current)
                os.close(current)
                current = following
            yield current
        finally:
            os.close(current)

    def _remove_stale(self) -> None:
        oldest = time.time() - _STALE  # compared with what the file system wrote, not with the clock of the platform
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.name, dir_fd=self._incoming)


def _open_directory(name: str, parent: int) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except OSError as error:
        if error.errno in _NOT_OURS:
            raise NotADirectoryError(error.errno, "A link or a file stands where a folder should be") from None
        raise


def _walk(folder: int, path: str, depth: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            key = f"{path}/{entry.name}" if path else entry.name
            if depth == 1 and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    yield key, entry.stat(follow_symlinks=False)
            elif depth > 1 and entry.is_dir(follow_symlinks=False):
                with suppress(*_ABSENT):
                    inner = _open_directory(entry.name, folder)
                    try:
                        yield from _walk(inner, key, depth - 1)
                    finally:
                        os.close(inner)


def read_content_type(header: bytes) -> str | None:
    """What the first line of a file says, or None when it is no object."""
    if len(header) != HEADER or not header.startswith(_MAGIC) or not header.endswith(b"\n"):
        return None
    return header.removeprefix(_MAGIC).decode("ascii", "replace").rstrip()


def _translated(error: OSError, key: SafeKey) -> Exception:
    return _foreign(key) if error.errno in _NOT_OURS else error


def _foreign(key: SafeKey) -> ForbiddenError:
    return ForbiddenError(
        f"What stands at the place of the object {key} was not put there by this server: a link, or no file.",
        remedy="Look into the folder of the objects, and remove it.",
    )

"""Plain files below one root: where a path leads, and how bytes and names get onto the disk for good."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Callable


def resolve(root: str, path: str) -> str:
    """The absolute place of a path relative to the root. Raises PartitaError when it leads out of the root.

    A symbolic link anywhere on the way is refused: what is behind it may be outside, or the same file twice.
    """
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise PartitaError(f"{path!r} is no path inside {root}")
    place = root
    for part in parts:
        place = os.path.join(place, part)
        if os.path.islink(place):
            link = os.path.relpath(place, root)
            where = "is" if link == path else f"stands behind {link},"
            raise PartitaError(f"{path} {where} a symbolic link; only plain files of this tree are written")
    return place


def read_file(place: str) -> bytes | None:
    """The content of a file; None when nothing stands there. Raises OSError."""
    try:
        with open(place, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        return None


def create_file(place: str, content: bytes, *, executable: bool = False, like: str = "") -> None:
    """Create a file that does not exist yet, and return when it is on the disk. Raises OSError.

    It gets the owner, the permissions and the extended attributes of the file `like`, else those of any new file.
    """
    mode = 0o600 if like else 0o777 if executable else 0o666
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if like:
            _copy_attributes(like, descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_file(place: str, second: str, content: bytes) -> None:
    """Give a file a second name, or a copy where the file system makes no hard links. Raises OSError."""
    try:
        os.link(place, second, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        create_file(second, content, like=place)


def sync_folder(place: str) -> None:
    """Bring the names in a folder to the disk. Raises OSError."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_file(place: str) -> None:
    """Remove a file if there is one. Raises OSError."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(place)


def remove_folder(place: str) -> None:
    """Remove a folder unless it holds something, or is not there. Raises OSError."""
    try:
        os.rmdir(place)
    except FileNotFoundError:
        pass
    except OSError:
        if not os.listdir(place):
            raise


def describe(error: OSError, root: str) -> str:
    """What the system said about which path, as the start of a sentence."""
    place = error.filename if isinstance(error.filename, str) else root
    inside = place.startswith(root + os.sep)
    return f"{os.path.relpath(place, root) if inside else place}: {error.strerror or error}"


def _copy_attributes(source: str, descriptor: int) -> None:
    """Not the times: the content is new. What only the owner or the kernel may set is left where it is refused."""
    wanted, current = os.stat(source), os.fstat(descriptor)
    if (wanted.st_uid, wanted.st_gid) != (current.st_uid, current.st_gid):
        _unless_refused(os.fchown, descriptor, wanted.st_uid, wanted.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(wanted.st_mode))
    for name in os.listxattr(source) if hasattr(os, "listxattr") else ():
        _unless_refused(os.setxattr, descriptor, name, os.getxattr(source, name))


def _unless_refused(call: Callable[..., None], *arguments: object) -> None:
    try:
        call(*arguments)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP):
            raise

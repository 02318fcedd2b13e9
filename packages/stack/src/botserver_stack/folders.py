"""The folder of a stack: `botserver-test-{date}-{time}-{8 hex}`, locked by whoever keeps it.

The lock is one of the kernel's on the folder itself: it goes with the last process that holds it, so a folder that can
be locked has no keeper. The standard library only.
"""

from __future__ import annotations

import fcntl
import os
import re

from botserver_stack.spreading import spread_children

#: What the folder of a stack is called.
NAME = re.compile(r"botserver-test-\d{8}-\d{6}-[0-9a-f]{8}\Z")
#: What it is called until it is locked; the number is that of the process which makes it.
_UNFINISHED = re.compile(r"\.botserver-test-\d{8}-\d{6}-[0-9a-f]{8}\.(\d+)\Z")


def create_folder(folder: str, modes: dict[str, int]) -> int:
    """Make it, with folders of these modes within; "" is the folder itself. Returns the descriptor that locks it.

    A folder within another comes after that one in `modes`. It gets its name when it is whole and locked. Raises
    `OSError`, and leaves nothing then.
    """
    parent, name = os.path.split(folder)
    making = os.path.join(parent, f".{name}.{os.getpid()}")
    os.mkdir(making, 0o700)
    try:
        lock = os.open(making, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        spread_children(making)
        for path, mode in modes.items():
            whole = os.path.join(making, path)
            if not os.path.isdir(whole):
                _make_folder(whole, name)
            os.chmod(whole, mode)
        os.rename(making, folder)
    except OSError:
        import shutil  # only on the way to an error

        shutil.rmtree(making, ignore_errors=True)
        raise
    return lock


def lock_folder(folder: str) -> int | None:
    """The descriptor that locks it, or None while somebody keeps it. Raises `OSError` when it is not a folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def find_folders(root: str) -> list[str]:
    """The folders of stacks of this user in `root`, sorted."""
    return sorted(path for path in _ours(root) if NAME.match(os.path.basename(path)))


def find_unfinished(root: str) -> list[str]:
    """Those that their makers never finished, and never will: they are dead."""
    found = ((path, _UNFINISHED.match(os.path.basename(path))) for path in _ours(root))
    return sorted(path for path, match in found if match and not os.path.exists(f"/proc/{match[1]}"))


def _make_folder(path: str, stack: str) -> None:
    """Make it under a name that no other stack has, as the name decides where it lies on the disk."""
    making = f"{path}.{stack}"
    os.mkdir(making, 0o700)
    os.rename(making, path)


def _ours(root: str) -> list[str]:
    try:
        with os.scandir(root) as entries:
            names = [it for it in entries if "botserver-test-" in it.name and it.is_dir(follow_symlinks=False)]
        return [it.path for it in names if it.stat(follow_symlinks=False).st_uid == os.geteuid()]
    except OSError:
        return []

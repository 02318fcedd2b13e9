"""System V shared memory that a killed PostgreSQL leaves behind: found by its lock file, removed when nobody uses it.

The standard library only: the keeper runs this without a site-packages folder.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

_IPC_RMID = 0  # linux/ipc.h


class Segment(NamedTuple):
    """One line of /proc/sysvipc/shm."""

    key: int
    number: int
    attached: int


def list_segments() -> list[Segment]:
    """Every segment of this machine that we can see."""
    try:
        with open("/proc/sysvipc/shm", encoding="ascii") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return []
    return [Segment(int(it[0]), int(it[1]), int(it[6])) for it in map(str.split, lines)]


def read_lock_file(path: str) -> tuple[int, int] | None:
    """Key and number of the segment that a postmaster.pid names (its seventh line), if it does."""
    with suppress(OSError, ValueError, IndexError), open(path, encoding="utf-8", errors="replace") as file:
        key, number = file.read().splitlines()[6].split()
        return int(key), int(number)
    return None


def remove_orphan(path: str) -> bool:
    """Remove the segment that this postmaster.pid names, if nobody is attached to it. Says whether it did."""
    named = read_lock_file(path)
    if named is None or Segment(*named, attached=0) not in list_segments():
        return False
    import ctypes  # only after a crash

    return int(ctypes.CDLL(None).shmctl(named[1], _IPC_RMID, None)) == 0

"""What a run has left behind: the difference of two looks at the machine.

A process is the run's when its folder, its program, its command line or one of its open files lies in the run's folder,
so whatever else happens on the machine is left out. What belongs to no process (shared memory, semaphores) can only be
compared as a whole: `isolate` gives the calling process and its children a machine of their own for that.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import NamedTuple

from botserver_stack.processes import list_processes, read_state

_CLONE_NEWNS = 0x20000
_CLONE_NEWIPC = 0x8000000
_MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)

#: Kinds that belong to no process and no folder: without `isolate`, what others do on the machine is among them.
MACHINE_WIDE = frozenset({"shared_memory", "semaphores", "queues", "posix_memory"})


class Snapshot(NamedTuple):
    """Everything that could be left behind, a set of texts for each kind."""

    processes: frozenset[str]
    zombies: frozenset[str]
    children: frozenset[str]
    listeners: frozenset[str]
    unix_sockets: frozenset[str]
    files: frozenset[str]
    shared_memory: frozenset[str]
    semaphores: frozenset[str]
    queues: frozenset[str]
    posix_memory: frozenset[str]
    locks: frozenset[str]
    descriptors: frozenset[str]
    threads: frozenset[str]


def look(folder: str) -> Snapshot:
    """The state of the machine now, as far as it concerns this process or `folder`."""
    ours = [it for it in list_processes() if it != os.getpid() and _concerns(it, folder)]
    inodes = {inode for pid in (*ours, os.getpid()) for inode in _sockets(pid)}
    states = {pid: read_state(pid) for pid in ours}
    return Snapshot(
        processes=frozenset(str(it) for it in ours if states[it] not in "ZX"),
        zombies=frozenset(str(it) for it in list_processes() if read_state(it) == "Z" and _parent(it) == os.getpid()),
        children=frozenset(str(it) for it in list_processes() if _parent(it) == os.getpid()),
        listeners=frozenset(_listeners(inodes)),
        unix_sockets=frozenset(_unix_sockets(inodes)),
        files=frozenset(_files(folder)),
        shared_memory=frozenset(_table("shm")),
        semaphores=frozenset(_table("sem")),
        queues=frozenset(_table("msg")),
        posix_memory=frozenset(os.listdir("/dev/shm")),  # noqa: S108 - it is looked at, not written to
        locks=frozenset(_locks(ours)),
        descriptors=frozenset(_descriptors()),
        threads=frozenset(str(it.ident) for it in threading.enumerate()),
    )


def differences(before: Snapshot, after: Snapshot) -> dict[str, list[str]]:
    """Kind -> what is there now and was not before. Empty: nothing was left behind. Zombies are dead: see `zombies`."""
    kinds = (it for it in Snapshot._fields if it != "zombies")
    found = {kind: sorted(getattr(after, kind) - getattr(before, kind)) for kind in kinds}
    return {kind: left for kind, left in found.items() if left}


def isolate() -> bool:
    """From now on this process sees only the shared memory that it and its children make. False when we may not."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC):
        return False
    shm = b"/dev/shm"
    return not libc.mount(b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None) and not libc.mount(
        b"tmpfs", shm, b"tmpfs", 0, b"mode=1777"
    )


def _concerns(pid: int, folder: str) -> bool:
    needle = folder.encode()
    with suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if needle in file.read():
                return True
        links = [f"/proc/{pid}/cwd", f"/proc/{pid}/exe"]
        with suppress(OSError):
            links += [f"/proc/{pid}/fd/{it}" for it in os.listdir(f"/proc/{pid}/fd")]
        return any(_link(it).startswith(folder) for it in links)
    return False


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _parent(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])
    return 0


def _sockets(pid: int) -> set[str]:
    with suppress(OSError):
        links = (_link(f"/proc/{pid}/fd/{it}") for it in os.listdir(f"/proc/{pid}/fd"))
        return {it.removeprefix("socket:[").removesuffix("]") for it in links if it.startswith("socket:[")}
    return set()


def _listeners(inodes: set[str]) -> set[str]:
    found = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
            found |= {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}
    return found


def _unix_sockets(inodes: set[str]) -> set[str]:
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        rows = [line.split() for line in file][1:]
    return {row[7] for row in rows if len(row) > 7 and row[6] in inodes}


def _files(folder: str) -> set[str]:
    return {os.path.join(path, name) for path, folders, files in os.walk(folder) for name in (*folders, *files)}


def _table(name: str) -> set[str]:
    with suppress(OSError), open(f"/proc/sysvipc/{name}", encoding="ascii") as file:
        return {" ".join(line.split()[:2]) for line in file.read().splitlines()[1:]}
    return set()


def _locks(pids: list[int]) -> set[str]:
    owners = {str(it) for it in (*pids, os.getpid())}
    with suppress(OSError), open("/proc/locks", encoding="ascii") as file:
        rows = [line.split() for line in file]
        return {" ".join(row[1:6]) for row in rows if row[4] in owners}
    return set()


def _descriptors() -> set[str]:
    return {f"{it} {_link(f'/proc/self/fd/{it}')}" for it in os.listdir("/proc/self/fd") if _is_open(it)}


def _is_open(descriptor: str) -> bool:
    with suppress(OSError):
        os.fstat(int(descriptor))
        return True
    return False

"""Makes one system call of a program or its children fail, or be the last thing that its process does.

The kernel asks us before each call (seccomp user notification), whichever process or thread it comes from, so the k-th
call of a whole start can be hit: tracers count the calls of each process apart. Needs Linux 5.5 and libseccomp.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

_MAKES = "open openat creat mkdir mkdirat rename renameat renameat2 link linkat symlink symlinkat ftruncate fallocate"
_WRITES = "write pwrite64 writev pwritev copy_file_range sendfile setxattr fsetxattr"
_READS = "read pread64 readv getdents64 readlink readlinkat stat lstat newfstatat statx execve chdir"
_CHANGES = "chmod fchmod fchmodat chown fchown fchownat rmdir unlink unlinkat"
_DESCRIPTORS = "open openat creat pipe pipe2 socket socketpair accept accept4 epoll_create1 eventfd2 pidfd_open"
_PROCESSES = "clone clone3 fork vfork"
_NETWORK = "bind listen connect"

#: Fault -> the calls that can end with it, as their manual pages say. A SIGKILL can come at any of them.
FAULTS = {
    "ENOSPC": f"{_MAKES} {_WRITES}".split(),
    "EIO": f"{_MAKES} {_WRITES} {_READS} {_CHANGES}".split(),
    "EMFILE": _DESCRIPTORS.split(),
    "EAGAIN": _PROCESSES.split(),
    "SIGKILL": f"{_MAKES} {_WRITES} {_READS} {_CHANGES} {_DESCRIPTORS} {_PROCESSES} {_NETWORK}".split(),
}

_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000  # linux/seccomp.h
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_QUESTION, _REPLY = struct.Struct("QIIi60x"), struct.Struct("QqiI")
_GO_ON = 1


class Hit(NamedTuple):
    """A call that was made to fail, and the program whose it was."""

    call: str
    pid: int
    program: str


class Judge:
    """Answers for whoever has submitted: every call goes on but the one of this number, counted from 1."""

    def __init__(self, link: socket.socket, fault: str, number: int) -> None:
        """Wait at the other end of the link of `submit`."""
        _, (self.listener, *_), _, _ = socket.recv_fds(link, 1, 1)
        self.count = 0
        self.hit: Hit | None = None
        self._fault = fault
        self._number = number
        self._names = _find_numbers(fault)

    def answer(self, *, mercy: bool = False) -> None:
        """Answer for one call, which `listener` is readable for; with mercy whatever its number is."""
        try:
            identity, pid, _, call = _QUESTION.unpack(fcntl.ioctl(self.listener, _RECEIVE, bytes(_QUESTION.size)))
        except FileNotFoundError:  # whoever asked has died
            return
        error, flags = 0, _GO_ON
        if not mercy:
            self.count += 1
            if self.count == self._number:
                self.hit = Hit(self._names[call], pid, _read_name(pid))
                error, flags = self._strike(pid)
        with suppress(FileNotFoundError):
            fcntl.ioctl(self.listener, _ANSWER, _REPLY.pack(identity, 0, error, flags))

    def close(self) -> None:
        """Nobody answers any more: calls fail as if the kernel did not know them."""
        os.close(self.listener)

    def _strike(self, pid: int) -> tuple[int, int]:
        if self._fault == "SIGKILL":
            os.kill(pid, signal.SIGKILL)  # it waits for our answer, so the number is still its own
            return 0, _GO_ON
        return -int(getattr(errno, self._fault)), 0


def submit(link: socket.socket, fault: str) -> None:
    """From now on the judge at the other end decides on the calls of this process and its children.

    Those are meant that can end with this fault. Call it while there is one thread. Raises `OSError` where the kernel
    does not allow it.
    """
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(_ALLOW))
    for number in _find_numbers(fault):
        _check(library.seccomp_rule_add(rules, _NOTIFY, number, 0))
    _check(library.seccomp_load(rules))
    listener = int(library.seccomp_notify_fd(rules))
    link.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    link.close()
    os.close(listener)


def _find_numbers(fault: str) -> dict[int, str]:
    """The numbers of these calls on this machine, which does not have all of them."""
    resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name
    found = {int(resolve(name.encode())): name for name in FAULTS[fault]}
    return {number: name for number, name in found.items() if number >= 0}


def _check(code: int) -> None:
    if code:
        raise OSError(-code, os.strerror(-code))


def _read_name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""

"""Starts a server as a child that does not outlive the keeper.

The standard library only; for a program of one thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import NamedTuple, NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


class Order(NamedTuple):
    """What to start. `account` is (uid, gid) to run as, or None; `death_signal` is sent when the keeper dies."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    log: str
    account: tuple[int, int] | None = None
    death_signal: str = "SIGKILL"


def adopt_orphans() -> None:
    """From now on, descendants whose parents die become children of this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def spawn(order: Order) -> int:
    """Start it in a session of its own and return its number. Raises `OSError` when it cannot be executed."""
    parent = os.getpid()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _become(order, parent, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        trouble = pipe.read()  # nothing but the end of it when exec closed it
    if trouble:
        os.waitpid(pid, 0)
        number, _, path = trouble.decode(errors="replace").partition(" ")
        raise OSError(int(number), os.strerror(int(number)), path)
    return pid


def _become(order: Order, parent: int, writing: int) -> NoReturn:
    path = order.arguments[0]
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        os.umask(0o077)
        path = order.log
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        if order.account is not None:
            uid, gid = order.account
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        # After the change of account, which disarms it; and the keeper may have died before it was armed.
        _prctl(_PR_SET_PDEATHSIG, signal.Signals[order.death_signal])
        if os.getppid() != parent:
            os._exit(1)
        path = order.folder
        os.chdir(path)
        path = order.arguments[0]
        os.execve(path, order.arguments, order.environment)  # noqa: S606 - a server is no shell command
    except OSError as error:
        os.write(writing, f"{error.errno or 0} {path}".encode())
    finally:
        os._exit(127)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

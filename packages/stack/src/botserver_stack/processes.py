"""Processes of this machine: who they are, whether they live, and how they are ended.

A number is not a process: it is reused, it may name a thread, and a dead process keeps it until its parent has looked.
So a process is its number, its start time and the boot it belongs to, and one that is dead but not yet reaped is dead.
The standard library only: the keeper runs this without a site-packages folder.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Set in the environment of every server of a stack, and never published: whoever has it belongs to the stack.
COOKIE = "BOTSERVER_STACK_COOKIE"

#: What looking at a process ends with that is dead, or another's whom we may not see.
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


class Process(NamedTuple):
    """`start` is in clock ticks since `boot`, the id of the boot it was seen in."""

    pid: int
    start: int
    boot: str


def read_boot() -> str:
    """The id of this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def find_process(pid: int) -> Process | None:
    """The live process of this number; None for a dead one, for a zombie and for the number of a thread.

    Raises `OSError` when the system does not tell: then nothing may be concluded.
    """
    facts = _read_facts(pid)
    if facts is None or facts.state in "ZX" or not _leads_its_threads(pid):
        return None
    return Process(pid, facts.start, read_boot())


def is_alive(process: Process) -> bool:
    """Whether this very process lives. Raises `OSError` when the system does not tell."""
    return process == find_process(process.pid)


def send(process: Process, number: int) -> bool:
    """Signal this very process; False when it is gone, or is not ours to signal.

    The descriptor is taken before the identity is compared, so a number that is reused in between is not hit.
    """
    with suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if is_alive(process):
                signal.pidfd_send_signal(descriptor, number)
                return True
        finally:
            os.close(descriptor)
    return False


def wait_gone(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Wait until all of them are dead, at most that long. Returns those that still live."""
    deadline = time.monotonic() + seconds
    waiting = {}
    for process in processes:
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process.pid)
            if is_alive(process):
                waiting[descriptor] = process
            else:
                os.close(descriptor)
    poll = select.poll()
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000):
            poll.unregister(descriptor)
            os.close(descriptor)
            del waiting[descriptor]
    for descriptor in waiting:
        os.close(descriptor)
    return list(waiting.values())


def find_children(pid: int) -> Iterator[Process]:
    """The live children of a process, adopted ones included."""
    boot = read_boot()
    for number in list_processes():
        facts = _read_facts(number)
        if facts is not None and facts.parent == pid and facts.state not in "ZX":
            yield Process(number, facts.start, boot)


def find_marked(cookie: str) -> Iterator[Process]:
    """The live processes that carry this cookie in their environment, as far as we may look."""
    needle = f"{COOKIE}={cookie}".encode()
    for number in list_processes():
        with suppress(OSError):
            with open(f"/proc/{number}/environ", "rb") as file:
                marked = needle in file.read().split(b"\0")
            process = find_process(number) if marked else None
            if process is not None:
                yield process


def read_program(pid: int) -> str:
    """The file that this process executes, or "" when we may not know."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def read_state(pid: int) -> str:
    """The letter by which the kernel tells what a process does; "X" when there is none."""
    facts = _read_facts(pid)
    return facts.state if facts else "X"


def list_processes() -> list[int]:
    """The numbers of all processes, zombies included."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


class _Facts(NamedTuple):
    state: str
    parent: int
    start: int


def _read_facts(pid: int) -> _Facts | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except _GONE:
        return None
    fields = text[text.rindex(b")") + 2 :].split()  # the name before it may hold anything, blanks and brackets too
    return _Facts(fields[0].decode(), int(fields[1]), int(fields[19]))


def _leads_its_threads(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return f"\nTgid:\t{pid}\n".encode() in file.read()
    except _GONE:
        return False

"""Ends what belongs to a stack and nothing else: servers in order, strays, shared memory, the folder.

The keeper ends its own stack this way, and a sweep ends those whose keeper is dead. The standard library only.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from botserver_stack.processes import find_children, find_marked, is_alive, read_program, send, wait_gone
from botserver_stack.sharedmemory import remove_orphan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from botserver_stack.processes import Process
    from botserver_stack.records import ServerRecord

#: Seconds for the kernel to end what was sent a SIGKILL.
_KILL_SECONDS = 5.0
#: A system that is short of something, or was interrupted, may do a moment later what it has just refused.
_REMOVALS = 3


def end_servers(servers: Iterable[ServerRecord]) -> None:
    """End servers, those of a higher layer first, those of one layer at once."""
    by_layer: dict[int, list[ServerRecord]] = {}
    for server in servers:
        by_layer.setdefault(server.layer, []).append(server)
    for layer in sorted(by_layer, reverse=True):
        _end_together(by_layer[layer])
    for server in (it for group in by_layer.values() for it in group):
        if server.lock_file and not is_alive(server.process):
            remove_orphan(server.lock_file)


def kill_group(process: Process) -> None:
    """SIGKILL to a server and what is left of its process group.

    Call it while the server lives or has not been reaped: until then its number cannot become a stranger's.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def kill_adopted(known: set[int], program: str = "") -> None:
    """Kill the children of this process whose numbers are not known: those whose parents have died.

    Their own children come after them, so it looks again until there are none. With `program`, only those that run it.
    """
    _kill_until_none(
        lambda: [
            it
            for it in find_children(os.getpid())
            if it.pid not in known and (not program or read_program(it.pid) == program)
        ]
    )


def kill_marked(cookie: str) -> None:
    """Kill the processes that carry the cookie of a stack, wherever they went."""
    _kill_until_none(lambda: [it for it in find_marked(cookie) if it.pid != os.getpid()])


def remove_folder(folder: str) -> None:
    """Remove the folder of a stack. What cannot be removed, also at another try, stays for the next sweep."""
    import shutil  # 10 ms that are not needed before the end

    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return


def _end_together(servers: Sequence[ServerRecord]) -> None:
    steps = max((len(it.signals) for it in servers), default=0)
    left = {it.process: it for it in servers if is_alive(it.process)}
    for step in range(steps):
        sent = [it for it in left.values() if step < len(it.signals)]
        for server in sent:
            send(server.process, signal.Signals[server.signals[step][0]])
        seconds = max((it.signals[step][1] for it in sent), default=0.0)
        left = {process: left[process] for process in wait_gone(left, seconds)}
    for process in left:
        send(process, signal.SIGKILL)
    wait_gone(left, _KILL_SECONDS)


def _kill_until_none(find: Callable[[], list[Process]]) -> None:
    for _ in range(20):  # each round ends one generation
        found = find()
        if not found:
            return
        for process in found:
            send(process, signal.SIGKILL)
        wait_gone(found, _KILL_SECONDS)

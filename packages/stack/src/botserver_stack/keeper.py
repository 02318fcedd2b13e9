"""The process between a stack and its servers: it starts them, and ends them when whoever wanted them is gone.

It is executed anew, not forked, so it holds nothing of its parent but one socket and the lock of the folder. Its
servers die with it (parent-death signal), and it ends them when its parent does, however that died: then the socket
is closed, and the descriptor of the parent's process becomes readable. Requests are lines of JSON, answered in order.
The standard library only, and as little of it as will do: it is started for every stack.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botserver_stack.ending import end_servers, kill_adopted, kill_group, kill_marked, remove_folder
from botserver_stack.folders import create_folder
from botserver_stack.processes import Process, find_process, is_alive, read_program, wait_gone
from botserver_stack.records import ServerRecord, StackRecord, write_record
from botserver_stack.spawning import Order, adopt_orphans, spawn

if TYPE_CHECKING:
    from collections.abc import Callable

#: Asks a keeper to end its stack; every other signal that can be ignored is.
END_SIGNAL = signal.SIGUSR1
#: How often a step of the end is tried.
_TRIES = 3


def main() -> None:
    """Keep the stack that the first argument describes (JSON), until the socket that it names is closed."""
    options = json.loads(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, END_SIGNAL):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    adopt_orphans()
    link = socket.socket(fileno=options["socket"])
    try:
        itself = find_process(os.getpid())
        lock = create_folder(options["folder"], options["modes"])
    except OSError as error:
        _send(link, _trouble(error))
        return
    assert itself is not None
    record = StackRecord(
        id=options["id"],
        cookie=options["cookie"],
        keep=options["keep"],
        manager=Process(*options["manager"]),
        keeper=itself,
        facts={},
    )
    keeper = _Keeper(options["folder"], record, keep_on_death=options["keep_on_death"])
    try:
        write_record(keeper.folder, record)
        _redirect(os.path.join(keeper.folder, "botserver", "logs", "keeper.log"))
        _send(link, {"id": record.id})
        keeper.serve(link)
    except BrokenPipeError:  # our parent died before we had answered
        pass
    except OSError as error:
        with suppress(OSError):
            _send(link, _trouble(error))
    finally:
        keeper.end(keep=keeper.record.keep or keeper.keep_on_death)
        os.close(lock)


def _send(link: socket.socket, answer: dict[str, Any]) -> None:
    link.sendall(json.dumps(answer).encode() + b"\n")


def _trouble(error: OSError) -> dict[str, Any]:
    return {"errno": error.errno, "path": error.filename or ""}


def _insist(step: Callable[[], None]) -> None:
    """Nobody comes after us: a step that the system refuses is tried again, and never keeps us from the next one."""
    for _ in range(_TRIES):
        with suppress(OSError):
            step()
            return


def _redirect(path: str) -> None:
    """What goes wrong from now on can be read there."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


class _Keeper:
    def __init__(self, folder: str, record: StackRecord, *, keep_on_death: bool) -> None:
        self.folder = folder
        self.record = record
        self.keep_on_death = keep_on_death
        self.ended = False
        self.asked = False
        self.codes: dict[str, int] = {}
        self.verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "spawn": self._spawn,
            "ask": self._ask,
            "stop": self._stop,
            "kill": self._kill,
            "note": self._note,
            "end": self._end,
        }

    def serve(self, link: socket.socket) -> None:
        """Answer requests until the other side is gone, or has asked for the end."""
        waking, woken = os.pipe()
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(END_SIGNAL, lambda *_: setattr(self, "asked", True))
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(link, select.POLLIN)
        poll.register(waking, select.POLLIN)
        manager = self.record.manager
        with suppress(ProcessLookupError):
            poll.register(os.pidfd_open(manager.pid), select.POLLIN)
        received = b""
        while is_alive(manager) and not self.ended:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if waking in ready:
                os.read(waking, 4096)
            if self.asked:
                self.end(keep=self.record.keep)
                return
            self._reap()
            if link.fileno() not in ready:
                continue
            chunk = link.recv(65536)
            if not chunk:
                return
            *lines, received = (received + chunk).split(b"\n")
            for line in lines:
                _send(link, self._answer(json.loads(line)))

    def end(self, *, keep: bool) -> None:
        """End all servers and whatever they started; remove the folder, or say in it that nothing runs any more."""
        if self.ended:
            return
        self.ended = True
        _insist(lambda: end_servers(self.record.servers))
        _insist(self._reap)
        _insist(lambda: kill_adopted(set()))
        _insist(lambda: kill_marked(self.record.cookie))
        if not keep:
            remove_folder(self.folder)
            return
        with suppress(OSError):
            write_record(self.folder, self.record._replace(keep=True, ended=True))

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.verbs[request["do"]](request)
        except OSError as error:
            return _trouble(error)

    def _spawn(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        order = dict(request["order"])
        account = order.pop("account")
        pid = spawn(Order(**order, account=tuple(account) if account else None))
        self.codes.pop(name, None)
        try:
            process = find_process(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)  # who cannot be known again does not run
            os.waitpid(pid, 0)
            raise
        if process is None:  # it has ended already
            self.codes[name] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            return {"pid": pid}
        server = ServerRecord(
            name=name,
            process=process,
            signals=tuple((it[0], it[1]) for it in request["signals"]),
            layer=request["layer"],
            lock_file=request["lock_file"],
            program=read_program(pid),
        )
        self.record = self.record._replace(servers=(*self._others(name), server))
        try:
            write_record(self.folder, self.record)
        except OSError:
            self._kill(request)  # what is not written down does not run
            raise
        return {"pid": pid}

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._reap()
        server = self._find(request["name"])
        if server is not None and is_alive(server.process):
            return {"pid": server.process.pid}
        return {"code": self.codes.get(request["name"], 0)}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        server = self._find(request["name"])
        if server is not None:
            end_servers([server])
            self._clear(server)
        return {}

    def _kill(self, request: dict[str, Any]) -> dict[str, Any]:
        server = self._find(request["name"])
        if server is not None and is_alive(server.process):
            kill_group(server.process)
            wait_gone([server.process], 5)
            self._clear(server)
        return {}

    def _note(self, request: dict[str, Any]) -> dict[str, Any]:
        self.record = self.record._replace(facts=self.record.facts | request["facts"])
        write_record(self.folder, self.record)
        return {}

    def _end(self, request: dict[str, Any]) -> dict[str, Any]:
        self.end(keep=request["keep"] or self.record.keep)
        return {}

    def _clear(self, server: ServerRecord) -> None:
        """Leave nothing of a server that is dead: its group, and its orphans, which run the same program."""
        self._reap()
        if server.program:
            kill_adopted({it.process.pid for it in self._others(server.name)}, server.program)

    def _find(self, name: str) -> ServerRecord | None:
        return next((it for it in self.record.servers if it.name == name), None)

    def _others(self, name: str) -> tuple[ServerRecord, ...]:
        return tuple(it for it in self.record.servers if it.name != name)

    def _reap(self) -> None:
        """Let go of the children that are dead, adopted ones included; of a server, its group ends first."""
        servers = {it.process.pid: it for it in self.record.servers}
        with suppress(ChildProcessError):
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if found.si_pid in servers:
                    kill_group(servers[found.si_pid].process)  # until it is reaped its number is no stranger's
                _, status = os.waitpid(found.si_pid, 0)
                if found.si_pid in servers:
                    self.codes[servers[found.si_pid].name] = os.waitstatus_to_exitcode(status)

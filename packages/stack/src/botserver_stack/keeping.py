"""Our side of the keeper: starts it for a folder and sends it requests."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botserver_stack.errors import StackError
from botserver_stack.processes import find_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botserver_stack.spawning import Order

#: Seconds for the keeper to say that it keeps this stack. It takes 30 ms; a machine may be busy.
_HELLO_SECONDS = 20.0
#: Seconds for the slowest request, which ends three layers of servers that do not listen to signals.
_REQUEST_SECONDS = 120.0
# Without site-packages: only this package is found, and only those modules of it that need nothing else.
_PROGRAM = "import sys; sys.path.append(sys.argv.pop()); from botserver_stack.keeper import main; main()"
_SOURCES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Keeper:
    """A running keeper. Its methods block for milliseconds (`stop` and `end`: until the servers have ended).

    It belongs to no event loop and no thread, but to the process that started it: in a fork of that it does nothing.
    """

    def __init__(
        self, folder: str, *, name: str, cookie: str, modes: dict[str, int], keep: bool, keep_on_death: bool
    ) -> None:
        """Start it and wait until it has made the folder and said that it keeps this very stack.

        `modes` are the folders within and their modes. Raises `OSError` when the folder cannot be made.
        """
        self._owner = os.getpid()
        self._turn = threading.Lock()
        self._received = b""
        self._link, theirs = socket.socketpair()
        self._link.settimeout(_HELLO_SECONDS)
        options = {
            "id": name,
            "folder": folder,
            "modes": modes,
            "cookie": cookie,
            "keep": keep,
            "keep_on_death": keep_on_death,
            "manager": find_process(self._owner),
            "socket": theirs.fileno(),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps(options), _SOURCES],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={"LC_ALL": "C.UTF-8"},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        assert self._process.stderr is not None
        with self._process.stderr as complaint:  # it writes to a log from its hello on
            try:
                self._hear_hello(name)
            except StackError as error:
                self.abandon()
                raise _with_reason(error, complaint.read()) from None
            except BaseException:
                self.abandon()
                raise
        self._link.settimeout(_REQUEST_SECONDS)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_ours(self) -> bool:
        """Whether this process started it, and is not a fork of the one that did."""
        return os.getpid() == self._owner

    def spawn(
        self, name: str, order: Order, *, signals: tuple[tuple[str, float], ...], layer: int, lock_file: str
    ) -> None:
        """Start a server. Raises `OSError` when it cannot be executed or written down."""
        request = {"order": order._asdict(), "signals": signals, "layer": layer, "lock_file": lock_file}
        answer = self._request({"do": "spawn", "name": name, **request})
        if "errno" in answer:
            raise _error(answer)

    def exit_code(self, name: str) -> int | None:
        """How a server ended (minus the signal), or None while it runs."""
        answer = self._request({"do": "ask", "name": name})
        return answer.get("code") if "pid" not in answer else None

    def stop(self, name: str) -> None:
        """End a server by its signals."""
        self._request({"do": "stop", "name": name})

    def kill(self, name: str) -> None:
        """End a server by SIGKILL."""
        self._request({"do": "kill", "name": name})

    def note(self, facts: dict[str, Any]) -> None:
        """Add to what the record of the stack says."""
        answer = self._request({"do": "note", "facts": facts})
        if "errno" in answer:
            raise _error(answer)

    def end(self, *, keep: bool) -> None:
        """End all servers, remove the folder unless it is kept, and wait until the keeper is gone, too."""
        if not self.is_ours:
            return
        try:
            self._request({"do": "end", "keep": keep})
        finally:
            self.abandon()

    async def wait_ended(self) -> bool:
        """Wait until the keeper is gone, and say whether it went because it was asked to."""
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        descriptor = os.pidfd_open(self._process.pid)
        loop.add_reader(descriptor, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return self._process.wait() == 0

    def abandon(self) -> None:
        """Close the link: the keeper ends everything as if we had died. Returns when it is gone."""
        self._link.close()
        self._process.wait()

    def _hear_hello(self, name: str) -> None:
        answer = self._answer()
        if answer != {"id": name}:
            raise _error(answer)

    def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises `StackError` when there is no keeper any more."""
        with self._turn, self._lost_keeper():
            self._link.sendall(json.dumps(request).encode() + b"\n")
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        with self._lost_keeper():
            while b"\n" not in self._received:
                chunk = self._link.recv(65536)
                if not chunk:
                    raise ConnectionResetError
                self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @contextmanager
    def _lost_keeper(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = "does not answer" if isinstance(error, TimeoutError) else "is gone"
            raise StackError(
                f"The keeper of this stack (process {self._process.pid}) {reason}, and its servers with it.",
                remedy="Start another stack.",
            ) from None


def _with_reason(error: StackError, complaint: bytes) -> StackError:
    """The same with the last line of what a keeper said that came to nothing, if it could say anything."""
    lines = complaint.decode(errors="replace").strip().splitlines()
    return StackError(f"The keeper of this stack cannot start: {lines[-1].rstrip('.')}.") if lines else error


def _error(answer: dict[str, Any]) -> OSError:
    number = answer.get("errno") or 0
    return OSError(number, os.strerror(number), answer.get("path", ""))

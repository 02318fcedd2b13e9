"""An orchestrator for a while: a server process of its own over a Podman of its own. For tests and measurements."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botlib import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from botserver_containers.lab import Lab

#: How the server is started; the rest of its command line follows.
SERVE = (sys.executable, "-m", "botserver", "serve", "containers", "--port", "0")
READY = "botserver is ready on "


@dataclass
class Here:
    """A data directory of this machine. It is a `Place` of the smoke test, without a log."""

    directory: str

    def read_file(self, name: str) -> str:
        """A file of it."""
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return file.read()

    def read_log(self) -> str:
        """Nobody knows where it is."""
        return ""


@dataclass
class Server(Here):
    """A server that runs. It is a `Place` of the smoke test."""

    process: subprocess.Popen[bytes]
    log: str
    url: str = ""

    def read_log(self) -> str:
        """All that it wrote."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 60.0) -> int:
        """End it in order; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def serve(
    lab: Lab, directory: str, *settings: str, command: Sequence[str] = SERVE, seconds: float = 60.0
) -> Iterator[Server]:
    """Start it, wait until it accepts connections, and end it at the end. Its apps run on: `lab.clean` ends those.

    `settings` are words such as "settle=1". Its output goes to the file `directory`.log.
    """
    values = [
        f"directory={directory}",
        f"containers_conf={lab.containers_conf}",
        f"storage_conf={lab.storage_conf}",
        'allowed_images=["localhost/*", "127.0.0.1*"]',
        *settings,
    ]
    words = [word for value in values for word in ("--set", f"containers.{value}")]
    log = f"{directory}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen([*command, *words], stdout=output, stderr=output, env=lab.environment)
    server = Server(directory, process, log)
    try:
        server.url = _wait_until_ready(server, seconds)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _wait_until_ready(server: Server, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lines = [line for line in server.read_log().splitlines() if line.startswith(READY)]
        if lines:
            return lines[-1].removeprefix(READY).split()[0]
        if server.process.poll() is not None:
            break
        time.sleep(0.02)
    raise UnavailableError(f"The server did not start: {server.read_log()[-2000:]}")

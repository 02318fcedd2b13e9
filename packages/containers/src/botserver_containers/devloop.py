"""The loop of a developer over SSH: the code goes there, the service starts anew, the smoke test runs, Enter repeats.

Nothing is asked of the machine but SSH, rsync, Python and Podman. The service listens on its loopback; what the
smoke test asks goes through SSH's own forwarding.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botlib import BotError, UnavailableError
from botserver_containers.client import connect
from botserver_containers.smoke import LOOP_STEPS, run_smoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Seconds that the service has until it is healthy, as in the original loop; the first time it has to be installed too.
HEALTH = 15.0
INSTALL = 600.0
#: Never copied: what is made there anew, and what belongs to this machine.
EXCLUDED = (
    ".git",
    ".venv",
    ".nox",
    "__pycache__",
    "*.egg-info",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "/dist",
)

#: What runs on the machine; `folder` is where the code is. It is given to `sh -s` as its input, never as its argument.
_INSTALL = """
set -eu
cd {folder}
test -d ../{name}-venv || {python} -m venv ../{name}-venv
../{name}-venv/bin/python -m pip install --quiet --disable-pip-version-check {packages}
"""
_RESTART = """
set -eu
cd {folder}/..
if test -f {name}.pid; then
  kill "$(cat {name}.pid)" 2> /dev/null || true
  count=0
  while kill -0 "$(cat {name}.pid)" 2> /dev/null && test $count -lt 300; do sleep 0.1; count=$((count + 1)); done
fi
{environment} nohup {serve} --port {port} --set containers.directory="$PWD/{name}-data" {settings} \\
  > {name}.log 2>&1 < /dev/null &
echo $! > {name}.pid
"""
_STOP = """
cd {folder}/..
if test -f {name}.pid; then kill "$(cat {name}.pid)" 2> /dev/null || true; rm -f {name}.pid; fi
"""
_FREE_PORT = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
#: Installed in this order on the machine; the rest of the repository is not needed there.
PACKAGES = ("lib", "state", "core", "server", "containers")


@dataclass(frozen=True)
class Machine:
    """Where it is tested. `serve` starts the server there; `environment` are words such as NAME=value for it."""

    host: str
    port: int = 22
    identity: str = ""
    folder: str = "botserver-dev"
    python: str = "python3"
    serve: str = ""
    settings: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    options: tuple[str, ...] = field(default=("StrictHostKeyChecking=accept-new",))

    @property
    def name(self) -> str:
        """The last part of the folder: what else is made stands beside it under this name."""
        return os.path.basename(self.folder.rstrip("/"))

    @property
    def ssh(self) -> list[str]:
        """The program with its options, without the host."""
        identity = ["-i", self.identity] if self.identity else []
        options = [word for option in (*self.options, "BatchMode=yes") for word in ("-o", option)]
        return ["ssh", "-p", str(self.port), *identity, *options]

    def run(self, script: str, *, seconds: float = 60.0) -> str:
        """Run a script of the shell there, and give what it wrote. `UnavailableError` when it fails."""
        command = [*self.ssh, self.host, "sh", "-s"]
        return _run(command, seconds, stdin=script)

    def read_file(self, name: str) -> str:
        """A file of the data directory."""
        return self.run(f"cat {shlex.quote(f'{self.folder}/../{self.name}-data/{name}')}")

    def read_log(self) -> str:
        """What the service logged since it was started."""
        return self.run(f"cat {shlex.quote(f'{self.folder}/../{self.name}.log')}")


def run_loop(machine: Machine, source: str, image: str, *, once: bool, ask: Callable[[], str]) -> bool:
    """Run until Enter is no longer pressed; with `once`, one time. Gives whether the last round passed."""
    try:
        while True:
            passed = run_round(machine, source, image)
            if once:
                return passed
            print("Enter runs it again, Ctrl-C ends it.", flush=True)
            if not ask():
                return passed
    except KeyboardInterrupt:
        return False
    finally:
        machine.run(_STOP.format(folder=shlex.quote(machine.folder), name=machine.name))


def run_round(machine: Machine, source: str, image: str) -> bool:
    """Once: copy, install, restart, wait for health, smoke test, state and logs."""
    try:
        _step("copy", lambda: copy(machine, source))
        _step("install", lambda: install(machine))
        port = _step("restart", lambda: restart(machine))
        with forward(machine, port) as url, connect(url) as client:
            _step("health", lambda: wait_for_health(url))
            report = run_smoke(client, machine, image, LOOP_STEPS)
            for step in report["steps"]:
                word = "ok  " if step["passed"] else "FAIL"
                print(f"{word} {step['name']:<14} {step['seconds']:7.2f} s  {step['detail']}")
            print(report["trouble"] or json.dumps(client.call("container.list")))
        print("\n".join(machine.read_log().splitlines()[-20:]))
    except (BotError, OSError) as error:
        print(error, file=sys.stderr)
        return False
    return bool(report["passed"])


def copy(machine: Machine, source: str) -> str:
    """Bring the code there; only what changed goes."""
    excludes = [word for pattern in EXCLUDED for word in ("--exclude", pattern)]
    paths = [os.path.join(source, "packages", name) for name in PACKAGES]
    machine.run(f"mkdir -p {shlex.quote(machine.folder)}")
    target = f"{machine.host}:{machine.folder}/"
    return _run(
        ["rsync", "--archive", "--delete", "--compress", *excludes, "-e", shlex.join(machine.ssh), *paths, target],
        120.0,
    )


def install(machine: Machine) -> str:
    """Install the packages there in an environment of their own; nothing to do when another server is named."""
    if machine.serve:
        return "nothing to install"
    script = _INSTALL.format(
        folder=shlex.quote(machine.folder),
        name=machine.name,
        python=machine.python,
        packages=" ".join(f"--editable ./{name}" for name in PACKAGES),
    )
    return machine.run(script, seconds=INSTALL)


def restart(machine: Machine) -> int:
    """Start the service anew; gives the port it listens on there."""
    port = int(machine.run(f"{machine.python} -c {shlex.quote(_FREE_PORT)}"))
    serve = machine.serve or f"{machine.name}-venv/bin/python -m botserver serve containers"
    script = _RESTART.format(
        folder=shlex.quote(machine.folder),
        name=machine.name,
        serve=serve,
        port=port,
        settings=" ".join(f"--set {shlex.quote(f'containers.{setting}')}" for setting in machine.settings),
        environment=" ".join(shlex.quote(word) for word in ("env", *machine.environment)),
    )
    machine.run(script)
    return port


@contextmanager
def forward(machine: Machine, port: int) -> Iterator[str]:
    """An address of this machine that leads to a port of that one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        here = probe.getsockname()[1]
    command = [*machine.ssh, "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{here}:127.0.0.1:{port}"]
    process = subprocess.Popen([*command, machine.host], stdin=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{here}"
    finally:
        process.terminate()
        process.wait()


def wait_for_health(url: str) -> str:
    """Wait until every service is ready."""
    import httpx2

    deadline = time.monotonic() + HEALTH
    said = "nothing"
    while time.monotonic() < deadline:
        try:
            response = httpx2.get(f"{url}/health", timeout=5.0)
            if response.status_code == 200:
                return str(response.json()["status"])
            said = response.text[:500]
        except httpx2.HTTPError as error:
            said = str(error)
        time.sleep(0.1)
    raise UnavailableError(f"It was not healthy within {HEALTH:g} seconds: {said}")


def _step(name: str, work: Callable[[], Any]) -> Any:
    began = time.monotonic()
    result = work()
    print(f"ok   {name:<14} {time.monotonic() - began:7.2f} s", flush=True)
    return result


def _run(command: Sequence[str], seconds: float, *, stdin: str = "") -> str:
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{command[0]} did not end within {seconds:g} seconds.") from None
    except FileNotFoundError:
        raise UnavailableError(f"There is no {command[0]} here.", remedy=f"apt-get install {command[0]}") from None
    if done.returncode != 0:
        raise UnavailableError(f"{command[0]} failed with {done.returncode}: {done.stderr.strip()[-1000:]}")
    return done.stdout

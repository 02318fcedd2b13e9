"""Compose, and what its images are made of."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
#: The context of the images.
BUILD = ROOT / "build" / "integration"
_FILE = "docker-compose.integration.yml"
#: What the server in the images consists of.
_SERVER = "botserver[workflows,postgres]"
_MEMBERS = ("botlib", "botstate", "botserver-core", "botserver-workflows", "botserver")
#: The variables that name ports of this machine, and those of the contract.
_PORTS = {"POSTGRES_PORT": 5433, "ORCHESTRATION_PORT": 8080, "WORKER_PORT": 8081}


class ComposeError(Exception):
    """There are no containers to test. The message says what to do about it."""


class Compose:
    """Podman and its compose, with an environment that says which images to use."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        for program in ("podman", "uv"):
            if shutil.which(program) is None:
                raise ComposeError(f"{program} is not here. Podman is installed by .ci/debian-packages, uv by pip.")
        try:
            self._ports = {name: int(environment.get(name) or port) for name, port in _PORTS.items()}
        except ValueError as error:
            raise ComposeError(f"One of {', '.join(_PORTS)} is no number: {error}.") from None

    @property
    def urls(self) -> dict[str, str]:
        """What the suite is told, by the names that the contract has for it."""
        return {
            "TASKER_TEST_ORCHESTRATION_URL": f"http://127.0.0.1:{self._ports['ORCHESTRATION_PORT']}",
            "TASKER_TEST_WORKER_URL": f"http://127.0.0.1:{self._ports['WORKER_PORT']}",
        }

    def up(self, seconds: float) -> None:
        """Build and start all of it. `ComposeError` when it does not start in this time."""
        for name, port in self._ports.items():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    raise ComposeError(f"Port {port} is taken: end what listens there, or set {name} to another.")
        self._run("build")
        try:
            self._run("up", "--detach", seconds=seconds)
        except subprocess.TimeoutExpired:
            raise ComposeError(f"The containers have not started within {seconds:g} seconds.") from None

    def down(self) -> None:
        """Stop it, and remove what it has stored."""
        self._run("down", "--volumes")

    def python_version(self) -> str:
        """The version of Python in the base image, such as 3.12, for which wheels are chosen."""
        base = self._environment.get("BASE_IMAGE") or _default_base()
        command = ["podman", "run", "--rm", "--network", "none", "--entrypoint", "python3", base, "--version"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        found = re.match(r"Python (\d+\.\d+)", done.stdout)
        if found is None:
            said = done.stderr.strip().removesuffix(".")
            raise ComposeError(f"The base image {base} does not run: {said}. Name another by BASE_IMAGE.")
        return found[1]

    def save_logs(self, file: Path) -> None:
        """What all containers have written, for whoever looks for the reason."""
        with file.open("wb") as log:
            command = [*self._command(), "logs"]
            subprocess.run(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, check=False)
        print(f"The logs of the services are in {file.relative_to(ROOT)}.")

    def _run(self, *words: str, seconds: float | None = None) -> None:
        subprocess.run([*self._command(), *words], cwd=ROOT, env=self._environment, check=True, timeout=seconds)

    def _command(self) -> list[str]:
        own = shutil.which("podman-compose")
        runner = [own] if own else ["uv", "tool", "run", "--from", "podman-compose>=1.5,<2", "podman-compose"]
        return [*runner, "--file", _FILE]


def make_site(python: str) -> None:
    """Put the server and all that it needs, for this Python on Linux, into the folder that the images copy."""
    wheels, site = BUILD / "wheels", BUILD / "site"
    for folder in (wheels, site):
        shutil.rmtree(folder, ignore_errors=True)
    for member in _MEMBERS:
        _uv("build", "--wheel", "--package", member, "--out-dir", wheels)
    kind = ("--python-version", python, "--only-binary", ":all:")
    chosen = ("--constraints", "requirements.lock", "--find-links", wheels, _SERVER)
    _uv("pip", "install", "--target", site, *kind, *chosen)


def _uv(*words: str | Path) -> None:
    subprocess.run(["uv", "--quiet", *words], cwd=ROOT, check=True)


def _default_base() -> str:
    found = re.search(r"^ARG BASE=(\S+)", (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]

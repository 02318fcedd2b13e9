"""The loop of a developer over real SSH: a throw-away sshd on loopback, real rsync, real Podman."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from botserver_containers.devloop import PACKAGES, Machine, copy, run_loop
from botserver_containers.testing import free_port, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botserver_containers.lab import Lab

pytestmark = [pytest.mark.podman, pytest.mark.slow]


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[int, str]]:
    """A server that lets in one key; gives its port and the file of the key."""
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True, capture_output=True)
    port = free_port()
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host", f"AuthorizedKeysFile {folder}/user.pub",
        "UsePAM no", "StrictModes no", "PasswordAuthentication no", f"PidFile {folder}/sshd.pid",
    ]  # fmt: skip
    (folder / "sshd.conf").write_text("\n".join(lines) + "\n")
    os.makedirs("/run/sshd", exist_ok=True)
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "install openssh-server"
    command = [program, "-D", "-e", "-f", str(folder / "sshd.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for_port(port, "sshd")
        yield port, str(folder / "user")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def test_the_loop_runs_the_eight_steps_over_ssh(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    for name in PACKAGES:
        (source / "packages" / name).mkdir(parents=True)
        (source / "packages" / name / "pyproject.toml").write_text("")
    (source / "packages/lib/.git").mkdir()
    server = Path(__file__).with_name("server.py")
    with sshd(tmp_path) as (port, identity):
        machine = Machine(
            host=f"{getpass.getuser()}@127.0.0.1",
            port=port,
            identity=identity,
            folder=str(tmp_path / "there"),
            python=sys.executable,
            serve=f"{sys.executable} {server}",
            settings=(
                "settle=0.3",
                'allowed_images=["localhost/*"]',
                f"containers_conf={lab.containers_conf}",
                f"storage_conf={lab.storage_conf}",
            ),
            environment=(f"PYTHONPATH={os.pathsep.join(sys.path)}", f"PATH={os.environ['PATH']}"),
            options=("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"),
        )
        asked: list[str] = []

        def ask() -> str:
            asked.append("Enter")
            return "\n" if len(asked) < 2 else ""

        passed = run_loop(machine, str(source), "localhost/lab/sleep:1", once=False, ask=ask)
        said = capsys.readouterr()
        assert passed, said.out + said.err
        (source / "packages/lib/new.py").write_text("")
        copy(machine, str(source))
    for step in ("list_apps", "install", "stop", "start", "health", "tracker", "log_is_clean", "uninstall"):
        assert said.out.count(f"ok   {step} ") == 2 + 2 * (step in {"install", "health"}), said.out
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == sorted(PACKAGES)
    assert sorted(path.name for path in (tmp_path / "there/lib").iterdir()) == ["new.py", "pyproject.toml"]
    wait_until_gone(tmp_path / "there.pid")


def wait_until_gone(path: Path) -> None:
    deadline = time.monotonic() + 20
    while path.exists():
        assert time.monotonic() < deadline, f"{path} is still there"
        time.sleep(0.05)


def test_a_machine_that_does_not_answer_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = Machine("nobody@127.0.0.1", port=1, folder=str(tmp_path))
    with pytest.raises(Exception, match="ssh failed"):
        run_loop(machine, str(tmp_path), "x", once=True, ask=str)
    assert "Connection refused" in capsys.readouterr().err

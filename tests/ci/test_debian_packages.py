"""The script that CI starts with: Debian packages, for the tests that need them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Machine:
    """A path with only what the script for Debian packages uses, so that programs can be there or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.root = folder / "repository"
        (self.root / ".ci").mkdir(parents=True)
        shutil.copy2(ROOT / ".ci/debian-packages", self.root / ".ci")
        for name in ("bash", "dirname", "grep", "env"):
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.program("apt-get", 'echo "$@" >> "$LOG"')
        self.program("id", "echo 0")
        self.program("python3", "exit 0")
        self.write("packages/lib/tests/test_a.py", "")
        self.write("tools/partita/tests/test_page.py", "pytestmark = pytest.mark.browser\n")

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def prepare(self, *arguments: str) -> tuple[int, list[str], str]:
        log = self.folder / "log"
        log.write_text("")
        ran = subprocess.run(
            ["bash", ".ci/debian-packages", *arguments],
            cwd=self.root, env={"PATH": str(self.bin), "LOG": str(log)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return ran.returncode, log.read_text().splitlines(), ran.stderr


INSTALL = "install --quiet --yes --no-install-recommends"


def test_debian_packages_are_installed_where_a_test_needs_them(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    found = [machine.prepare(*words) for words in ([], ["tools/partita"], ["packages/lib"], ["."], ["--no-tests"])]

    browser = (0, ["update --quiet", f"{INSTALL} chromium"], "")
    assert found == [browser, browser, (0, [], ""), (0, [], ""), (0, [], "")]


def test_podman_comes_with_what_its_tests_need(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("packages/lib/tests/test_b.py", "pytestmark = pytest.mark.podman\n")
    packages = "podman runc netavark aardvark-dns catatonit iptables busybox-static docker-registry"
    with_ssh = f"{packages} openssh-server openssh-client rsync"

    found = [machine.prepare(folder) for folder in ("packages/lib", "tools/partita", ".")]

    assert found[0] == (0, ["update --quiet", f"{INSTALL} {with_ssh}"], "")
    assert found[1:] == [(0, ["update --quiet", f"{INSTALL} chromium"], ""), (0, [], "")]
    for program in ("podman", "runc", "docker-registry", "busybox", "catatonit", "iptables", "rsync", "ssh"):
        machine.program(program, "exit 0")
    assert machine.prepare("packages/lib") == (0, [], "")


def test_debian_packages_that_are_there_are_not_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("chromium", "exit 0")

    assert machine.prepare() == (0, [], "")


def test_a_python_that_cannot_make_environments_gets_what_it_lacks(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("python3", "exit 1")

    assert machine.prepare("--no-tests") == (0, ["update --quiet", f"{INSTALL} python3-venv"], "")


def test_without_the_right_to_install_there_is_a_sentence(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("id", "echo 1000")

    assert machine.prepare() == (1, [], f"missing: chromium; as root: apt-get {INSTALL} chromium\n")
    (machine.bin / "apt-get").unlink()
    assert machine.prepare() == (1, [], "missing: chromium; this is no Debian, so install them by hand\n")

"""A Podman of its own within a folder: nothing of the machine's own containers is seen or touched. For tests.

It works where little is allowed: in containers, as root without all rights, without systemd. runc instead of crun, and
low limits, because raising a limit is refused there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botserver_containers.errors import PodmanMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The programs that are needed, each with the Debian package that has it.
PROGRAMS = {
    "podman": "podman",
    "runc": "runc",
    "conmon": "conmon",
    "netavark": "netavark",
    "busybox": "busybox-static",
    "catatonit": "catatonit",
    "iptables": "iptables",
}
_ELSEWHERE = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/sbin", "/sbin")

#: An app that answers HTTP on port 8080 and ends at once when it is asked to.
SERVE = "mkdir -p /tmp/www; echo well > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"
#: What its images do, by name.
SCRIPTS = {
    "serve": SERVE,
    "sleep": "trap 'exit 0' TERM INT; while :; do sleep 1000 & wait $!; done",
    "deaf": "trap '' TERM INT; while :; do sleep 1000 & wait $!; done",
    "greet": 'echo "$GREETING"; test -n "$ENDS" && exit 3; exec sleep 1000',
    "fail-0s": "echo no config >&2; exit 3",
    "fail-3s": "echo working; sleep 3; exit 4",
    "end": "exit 0",
    "eat": "until test -e /tmp/eat; do sleep 0.1; done; x=a; while :; do x=$x$x; done",
}
_APPLETS = ("sh", "sleep", "httpd", "cat", "echo", "mkdir", "wget", "true", "false", "kill", "env", "touch", "ls", "id")


@dataclass(frozen=True)
class Lab:
    """The folder of a private Podman, and the program to use it by. `environment` is what a process needs for that."""

    folder: str
    program: str = "podman"

    @property
    def containers_conf(self) -> str:
        """The file of its settings."""
        return os.path.join(self.folder, "containers.conf")

    @property
    def storage_conf(self) -> str:
        """The file that says where it keeps things."""
        return os.path.join(self.folder, "storage.conf")

    @property
    def environment(self) -> dict[str, str]:
        """For a child process."""
        return {
            **os.environ,
            "CONTAINERS_CONF": self.containers_conf,
            "CONTAINERS_STORAGE_CONF": self.storage_conf,
        }

    def run(self, *words: str, stdin: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run Podman with these words."""
        command = [self.program, *words]
        done = subprocess.run(
            command, input=stdin, env=self.environment, cwd=self.folder, capture_output=True, check=False
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.decode(errors='replace')}")
        return done

    def import_image(self, name: str, script: str) -> str:
        """Make an image that runs a script of the shell, out of busybox; gives its reference."""
        root = os.path.join(self.folder, "root")
        if not os.path.isdir(root):
            _create_root(root)
        reference = f"localhost/lab/{name}:1"
        pack = ["tar", "--owner=0", "--group=0", "-C", root, "-c", "."]
        archive = subprocess.run(pack, capture_output=True, check=True).stdout
        change = f'CMD ["/bin/sh", "-c", "{_quoted(script)}"]'
        self.run("import", "--change", change, "-", reference, stdin=archive)
        return reference

    def clean(self) -> None:
        """Remove every container, volume and network, and the folder with all images."""
        self.run("rm", "--all", "--force", "--time", "0", check=False)
        for kind in ("volume", "network"):
            for name in self.run(kind, "ls", "--format", "{{.Name}}", check=False).stdout.decode().split():
                if name != "podman":
                    self.run(kind, "rm", "--force", name, check=False)
        self.run("system", "reset", "--force", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def missing_programs() -> list[str]:
    """The Debian packages that a lab needs and that are not there."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_ELSEWHERE])
    return [package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None]


def create_lab(folder: str, images: Sequence[str] = ("serve", "sleep"), *, account: int | None = None) -> Lab:
    """A Podman of its own in this folder, with some of the images of `SCRIPTS`.

    The path of the folder must be short: sockets are made below it. With the number of an `account`, which root alone
    can give, Podman runs rootless as that one. `PodmanMissingError` says what is to be installed.
    """
    if lacking := missing_programs():
        raise PodmanMissingError(f"These Debian packages are missing: {', '.join(lacking)}.")
    os.makedirs(folder, exist_ok=True)
    lab = Lab(folder) if account is None else Lab(folder, _create_program(folder, account))
    for path, lines in ((lab.containers_conf, _containers_conf(folder)), (lab.storage_conf, _storage_conf(folder))):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    for name in images:
        lab.import_image(name, SCRIPTS[name])
    return lab


def _create_program(folder: str, account: int) -> str:
    """A program in the folder that is Podman without root, as that account, to which the folder then belongs."""
    os.chown(folder, account, account)
    for name in ("home", "xdg"):
        os.makedirs(os.path.join(folder, name))
        os.chown(os.path.join(folder, name), account, account)
    program = os.path.join(folder, "podman")
    with open(program, "w", encoding="utf-8") as file:
        file.write(
            f"#!/bin/sh\nexport HOME={folder}/home XDG_RUNTIME_DIR={folder}/xdg\n"
            f'exec setpriv --reuid={account} --regid={account} --clear-groups podman "$@"\n'
        )
    os.chmod(program, 0o755)  # noqa: S103 - the account runs it
    return program


def _containers_conf(folder: str) -> Iterator[str]:
    yield "[containers]"
    yield 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'
    yield 'log_driver = "k8s-file"'
    yield "[engine]"
    yield 'runtime = "runc"'
    # Those in shared memory are one set for the whole machine, and a new Podman sets all of them free.
    yield 'lock_type = "file"'
    yield 'cgroup_manager = "cgroupfs"'
    yield 'events_logger = "file"'
    yield f'events_logfile_path = "{folder}/events.log"'
    yield f'tmp_dir = "{folder}/tmp"'  # noqa: S108 - it lies within the folder
    # The folders of volumes and of the database follow graphroot: the process that cleans up after a container is only
    # told that, and would look for the container in another database.
    yield "[network]"
    yield 'network_backend = "netavark"'
    yield f'network_config_dir = "{folder}/networks"'


def _storage_conf(folder: str) -> Iterator[str]:
    yield "[storage]"
    yield 'driver = "overlay"'
    yield f'graphroot = "{folder}/graph"'
    yield f'runroot = "{folder}/run"'


def _create_root(root: str) -> None:
    for name in ("bin", "tmp", "etc", "data", "proc", "sys", "dev", "run", "var/tmp"):
        os.makedirs(os.path.join(root, name))
    busybox = shutil.which("busybox", path=os.pathsep.join([os.environ.get("PATH", ""), *_ELSEWHERE]))
    assert busybox is not None, "it was looked for before"
    shutil.copy(os.path.realpath(busybox), os.path.join(root, "bin/busybox"))
    for applet in _APPLETS:
        os.symlink("busybox", os.path.join(root, "bin", applet))


def _quoted(script: str) -> str:
    return script.replace("\\", "\\\\").replace('"', '\\"')

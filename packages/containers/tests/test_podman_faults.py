"""What goes wrong on real Podman, and what becomes of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from botlib import FakeRandomness, SystemClock
from botserver_containers.capability import create_podman
from botserver_containers.lab import create_lab
from botserver_containers.manifests.parsing import parse_manifest
from botserver_containers.orchestrator.monitoring import look_once
from botserver_containers.orchestrator.node import Node
from botserver_containers.orchestrator.notices import Notices
from botserver_containers.orchestrator.orchestrator import Orchestrator, run
from botserver_containers.orchestrator.pulling import pull_image
from botserver_containers.push.board import Board
from botserver_containers.settings import ContainersSettings
from botserver_containers.storage.directory import Directory
from botserver_containers.storage.processes import is_alive
from botserver_containers.testing import free_port, wait_for_port
from botstate import MemoryChannels
from botstate.testing import FakeSecrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from botserver_containers.lab import Lab

pytestmark = [pytest.mark.anyio, pytest.mark.podman, pytest.mark.slow]

#: An account of Debian that may nothing.
NOBODY = 65534


class Real:
    """An orchestrator over the Podman of the lab."""

    def __init__(self, orchestrator: Orchestrator, lab: Lab) -> None:
        self.orchestrator = orchestrator
        self.node = orchestrator.node
        self.lab = lab

    async def install(self, name: str, image: str, **more: Any) -> None:
        container = {"image": image if "/" in image else f"localhost/lab/{image}:1", **more.pop("container", {})}
        manifest = parse_manifest({"app": {"id": name, "container": container, **more}})
        await self.orchestrator.install(manifest)
        await self.orchestrator.wait(name)

    async def remove(self, name: str) -> None:
        await self.orchestrator.uninstall(name)
        await self.orchestrator.wait(name)
        assert name not in self.node.apps, self.notices()

    def phase(self, name: str) -> str:
        return str(self.node.apps[name].phase) if name in self.node.apps else "gone"

    def notices(self) -> list[str]:
        return [notice["message"] for notice in self.node.board.whole()["notifications"]]

    def left(self) -> list[str]:
        """Every container, volume and secret that Podman has."""
        words = [("ps", "--all", "--format", "{{.Names}}"), ("volume", "ls", "--format", "{{.Name}}")]
        words.append(("secret", "ls", "--format", "{{.Name}}"))
        return [name for word in words for name in self.lab.run(*word).stdout.decode().split()]

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; {self.notices()}"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(lab: Lab, folder: Path, **settings: Any) -> AsyncIterator[Real]:
    values: dict[str, Any] = {
        "settle": 0.3,
        "allowed_images": ("localhost/*", "127.0.0.1:*"),
        "verify_registries": False,
        "podman": lab.program,
        **settings,
    }
    values |= {"directory": str(folder), "containers_conf": lab.containers_conf, "storage_conf": lab.storage_conf}
    part = ContainersSettings(**values)
    directory, board, clock = Directory(str(folder)), Board(), SystemClock()
    with directory.hold():
        node = Node(
            podman=create_podman(part, directory.node_name(lambda: f"node-{os.getpid()}"), folder=str(folder)),
            directory=directory,
            settings=part,
            clock=clock,
            randomness=FakeRandomness(),
            secrets=FakeSecrets(),
            board=board,
            notices=Notices(board, clock, MemoryChannels()),
            is_alive=is_alive,
            init=shutil.which("catatonit") or "",
        )
        async with run(node) as orchestrator:
            real = Real(orchestrator, lab)
            await real.until(lambda: node.recovered, "recovery")
            yield real


@pytest.fixture
async def real(lab: Lab, tmp_path: Path) -> AsyncIterator[Real]:
    async with opened(lab, tmp_path) as it:
        yield it


@contextmanager
def registry(folder: Path, port: int) -> Iterator[None]:
    """A registry on loopback."""
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    process = subprocess.Popen(["docker-registry", "serve", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, "the registry")
        yield
    finally:
        process.terminate()
        process.wait()


async def test_a_pull_that_fails_twice_succeeds_at_the_third_try(real: Real, tmp_path: Path) -> None:
    port = free_port()
    reference = f"127.0.0.1:{port}/lab/app:1"
    with registry(tmp_path, port):
        real.lab.run("push", "--quiet", "--tls-verify=false", "localhost/lab/sleep:1", f"docker://{reference}")
    failures: list[int] = []
    with registry_after(tmp_path, port, failures):
        await real.install("a", reference)
    assert real.phase("a") == "running", real.notices()
    await real.remove("a")
    real.lab.run("rmi", reference)


@contextmanager
def registry_after(folder: Path, port: int, failures: list[int]) -> Iterator[None]:
    """The registry comes back while others wait between two tries; the waits are cut to nothing much."""
    running = registry(folder, port)
    began = False

    def come_back(attempt: int, _error: object) -> None:
        nonlocal began
        failures.append(attempt)
        if attempt == 2:
            running.__enter__()
            began = True

    async def pull(*arguments: Any, **options: Any) -> Any:
        return await pull_image(*arguments, **{**options, "on_failure": come_back})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botserver_containers.orchestrator.pulling.PULL_DELAYS", (0.1, 0.1))
        patch.setattr("botserver_containers.orchestrator.installing.pull_image", pull)
        try:
            yield
        finally:
            if began:
                running.__exit__(None, None, None)
    assert failures == [1, 2]


async def test_an_image_that_no_registry_has_is_asked_for_once(real: Real, tmp_path: Path) -> None:
    port = free_port()
    began = time.monotonic()
    with registry(tmp_path, port):
        await real.install("a", f"127.0.0.1:{port}/lab/nothing:1")
    assert (real.phase("a"), real.left()) == ("gone", [])
    assert "manifest unknown" in real.notices()[-1]
    assert time.monotonic() - began < 5, "it waited between tries that could not succeed"


async def test_an_app_that_ends_or_is_never_healthy_while_it_is_watched_leaves_nothing(
    lab: Lab, tmp_path: Path
) -> None:
    more: dict[str, Any] = {"volumes": [{"name": "data", "target": "/data"}], "generated_secrets": ["KEY"]}
    check = {"type": "exec", "command": ["/bin/false"], "interval": 0.2}
    async with opened(lab, tmp_path, settle=5.0, health_limit=2.0) as real:
        await asyncio.gather(
            *(real.install(image, image, **more) for image in ("fail-0s", "fail-3s", "end")),
            real.install("unwell", "sleep", health_check=check, **more),
        )
        assert (real.left(), list(real.node.apps)) == ([], [])
        assert sorted(real.notices()) == [
            "end ended with exit code 0.",
            "fail-0s ended with exit code 3. It said: no config",
            "fail-3s ended with exit code 4. It said: working",
            "unwell was not healthy within 5 seconds.",
        ]
    assert os.listdir(tmp_path / "apps") == os.listdir(tmp_path / "secrets") == []


async def test_health_is_asked_for_over_http(real: Real) -> None:
    port = free_port()
    check = {"type": "http", "interval": 0.2, "timeout": 2}
    await real.install("a", "serve", ports=[{"host": port, "container": 8080}], health_check=check)
    assert (real.phase("a"), str(real.node.apps["a"].health)) == ("running", "healthy"), real.notices()
    await real.remove("a")


async def test_a_name_of_somebody_else_is_left_alone(real: Real) -> None:
    real.lab.run("create", "--name", "a", "--network", "none", "localhost/lab/sleep:1")
    await real.install("a", "sleep")
    assert (real.phase("a"), real.left()) == ("gone", ["a"])
    assert "belongs to somebody else" in real.notices()[-1]
    real.lab.run("rm", "a")


async def test_an_app_that_takes_too_much_memory_is_killed_and_called_so(
    real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a slow machine the end may be noticed after its restart is due.
    monkeypatch.setattr("botserver_containers.decisions.backoff.RESTART_DELAYS", (3600.0, 3600.0, 3600.0))
    await real.install("a", "eat", resources={"memory": "32m"})
    await real.node.podman.execute("a", ["/bin/touch", "/tmp/eat"], limit=20)
    await real.until(lambda: real.phase("a") == "exited", "it is down")
    entry = real.node.board.whole()["package-data"]["a"]
    assert (entry["exit_code"], entry["label"], entry["state"]) == (137, "killed (OOM)", "exited")
    await real.remove("a")


async def test_a_deaf_app_is_killed_after_its_grace(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_containers.orchestrator.stopping.stop_timeout_secs", lambda _name: 1)
    await real.install("a", "deaf")
    began = time.monotonic()
    await real.orchestrator.stop("a")
    await real.orchestrator.wait("a")
    assert real.phase("a") == "stopped"
    assert time.monotonic() - began >= 1
    assert real.node.apps["a"].entry()["label"] == "stopped"
    await real.remove("a")


def pids(real: Real, name: str) -> tuple[int, int]:
    """The process of a container, and its monitor (conmon)."""
    text = real.lab.run("inspect", "--format", "{{.State.Pid}} {{.State.ConmonPid}}", name).stdout.decode().split()
    if len(text) == 2 and text[1].isdigit():
        return int(text[0]), int(text[1])
    with open(f"/proc/{text[0]}/stat", encoding="utf-8") as file:
        return int(text[0]), int(file.read().rpartition(")")[2].split()[1])


#: So many stops hang, two at a time; `CONTAINERS_HANGS=100` is the whole promise.
HANGS = int(os.environ.get("CONTAINERS_HANGS", "2"))


async def hang(real: Real, number: int) -> None:
    """Stop an app, kill its monitor meanwhile, and see both the stop and the next start come to an end."""
    name = f"a{number}"
    await real.install(name, "deaf")
    _, monitor = pids(real, name)
    began = time.monotonic()
    await real.orchestrator.stop(name)
    await asyncio.sleep(number % 10 * 0.1)
    os.kill(monitor, signal.SIGKILL)
    await real.orchestrator.wait(name)
    assert real.phase(name) == "stopped", real.notices()
    assert time.monotonic() - began < 15
    await real.orchestrator.start(name)
    await real.orchestrator.wait(name)
    assert real.phase(name) == "running", real.notices()
    await real.remove(name)


@pytest.mark.parametrize("first", range(0, HANGS, 2))
async def test_a_stop_whose_monitor_was_killed_comes_to_an_end(
    real: Real, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr("botserver_containers.orchestrator.stopping.stop_timeout_secs", lambda _name: 1)
    await asyncio.gather(hang(real, first), hang(real, first + 1))


#: So often a stop races a crash; `CONTAINERS_RACES=50` is the whole promise.
RACES = int(os.environ.get("CONTAINERS_RACES", "2"))
DELAY = 0.1  # seconds until a restart here


async def race(real: Real, number: int) -> bool:
    """Whether an app stays down that the user stops at about the moment at which its process is killed."""
    await real.install("a", "sleep")
    process, _ = pids(real, "a")
    later = asyncio.get_running_loop().call_later(number % 5 * 0.05, kill_if_there, process)
    await asyncio.sleep(number % 7 * 0.07)  # the crash was not yet, is being noticed, or its restart has begun
    await real.orchestrator.stop("a")
    await real.orchestrator.wait("a")
    later.cancel()
    passes, end = 0, time.monotonic() + 4 * DELAY
    stays = True
    while stays and (time.monotonic() < end or passes < 4):
        await real.orchestrator.reconcile()
        await look_once(real.node)
        await real.orchestrator.wait("a")
        row = await real.node.podman.container("a")
        stays = real.phase("a") == "stopped" and row is not None and row.pid == 0
        passes += 1
    await real.orchestrator.stop("a")
    await real.orchestrator.wait("a")
    await real.remove("a")
    return stays


def kill_if_there(process: int) -> None:
    with suppress(ProcessLookupError):  # the stop was faster
        os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("number", range(RACES))
async def test_a_stop_wins_over_a_crash_at_the_same_moment(
    real: Real, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("botserver_containers.decisions.backoff.RESTART_DELAYS", (DELAY,) * 3)
    assert await race(real, number)


async def test_a_stop_that_leaves_no_mark_loses(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(self: Node, name: str) -> None:
        del self, name

    monkeypatch.setattr("botserver_containers.decisions.backoff.RESTART_DELAYS", (DELAY,) * 3)
    monkeypatch.setattr(Node, "mark_user_stopped", forget)
    assert not await race(real, 0)


async def test_a_crash_is_seen_and_the_app_comes_back(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_containers.decisions.backoff.RESTART_DELAYS", (0.5, 0.5, 0.5))
    await real.install("a", "sleep")
    process, _ = pids(real, "a")
    os.kill(process, signal.SIGKILL)
    await real.until(lambda: real.node.apps["a"].restarts == 1, "a restart")
    await real.until(lambda: real.phase("a") == "running", "it runs again")
    await real.remove("a")


async def test_a_port_that_another_program_took_is_told(real: Real) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Exception, match=f"Port {port}/tcp is taken by another program"):
            await real.install("a", "serve", ports=[{"host": port, "container": 8080}])
    assert real.left() == []


async def test_least_privilege_is_real(real: Real) -> None:
    await real.install("a", "sleep", security={"read_only_root": True}, secret_env={}, generated_secrets=["TOKEN"])
    script = "grep -E 'CapEff|NoNewPrivs' /proc/1/status; touch /etc/x; env | grep -c TOKEN"
    output = await real.node.podman.execute("a", ["/bin/sh", "-c", script.replace("grep", "busybox grep")], limit=20)
    assert "CapEff:\t0000000000000000" in output.out
    assert "NoNewPrivs:\t1" in output.out
    assert "Read-only file system" in output.err
    await real.remove("a")
    assert real.left() == []


async def test_apps_of_one_network_find_each_other_by_name(real: Real) -> None:
    network = {"container": {"network": "lab-net"}}
    await real.install("backend", "serve", **network)
    await real.install("front", "sleep", **network)
    output = await real.node.podman.execute("front", ["/bin/wget", "-q", "-O", "-", "http://backend:8080/"], limit=20)
    assert output.out == "well\n", output
    for name in ("front", "backend"):
        await real.remove(name)
    assert real.lab.run("network", "ls", "--format", "{{.Name}}").stdout.decode().split() == ["podman"]


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests are without root then")
async def test_an_app_lives_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botserver_containers.decisions.backoff.RESTART_DELAYS", (0.1,) * 3)
    folder = tempfile.mkdtemp(prefix="lab")
    lab = create_lab(folder, ("sleep",), account=NOBODY)
    home = os.path.join(folder, "data")
    os.mkdir(home)
    os.chown(home, NOBODY, NOBODY)  # what watches a container leaves a file there when memory runs out
    try:
        async with opened(lab, Path(home)) as real:
            volumes = [{"name": "data", "target": "/data"}]
            await real.install("a", "sleep", container={"network": "none"}, volumes=volumes)
            assert real.phase("a") == "running", real.notices()
            assert sorted(real.left()) == ["a", "a.data"]
            assert accounts(pids(real, "a")[0]) == {NOBODY}
            os.kill(pids(real, "a")[0], signal.SIGKILL)
            await real.until(lambda: real.node.apps["a"].restarts == 1, "a restart")
            await real.until(lambda: real.phase("a") == "running", "it runs again")
            await real.orchestrator.stop("a")
            await real.orchestrator.wait("a")
            assert real.phase("a") == "stopped", real.notices()
            await real.orchestrator.start("a")
            await real.orchestrator.wait("a")
            assert real.phase("a") == "running", real.notices()
            await real.remove("a")
            assert real.left() == []
    finally:
        lab.clean()


def accounts(process: int) -> set[int]:
    """All user ids that a process has, as this machine knows them."""
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("Uid:"))
    return {int(number) for number in line.split()[1:]}

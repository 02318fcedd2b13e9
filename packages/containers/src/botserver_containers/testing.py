"""For tests: an orchestrator over the mock, in a time of its own; and ports of servers that run beside it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botlib import FakeClock, FakeRandomness
from botserver_containers.manifests.parsing import parse_manifest
from botserver_containers.orchestrator.node import Node
from botserver_containers.orchestrator.notices import Notices
from botserver_containers.orchestrator.orchestrator import Orchestrator, run
from botserver_containers.podman.adapter import Podman
from botserver_containers.podman.mock import Behaviour, MockPodman
from botserver_containers.push.board import Board
from botserver_containers.settings import ContainersSettings
from botserver_containers.storage.directory import Directory
from botstate import MemoryChannels
from botstate.testing import FakeSecrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from botserver_containers.manifests.manifest import Manifest

IMAGE = "docker.io/library/app:1"


class World(NamedTuple):
    """A running orchestrator, and what it runs on."""

    orchestrator: Orchestrator
    node: Node
    mock: MockPodman
    clock: FakeClock

    async def settle(self, *names: str, seconds: float = 3600.0) -> None:
        """Let time pass, a little at a time, until no job is at work on these apps."""
        for _ in range(int(seconds * 2)):
            if not any(name in self.node.apps and self.node.apps[name].busy for name in names):
                await self.clock.advance(0)  # what is left of a job tells how it ended
                return
            await self.clock.advance(0.5)
        raise AssertionError(f"after {seconds:g} seconds a job is still at work: {self.phases()}")

    async def until(self, condition: Callable[[], bool], what: str, *, seconds: float = 600.0) -> None:
        """Let time pass until the condition holds."""
        for _ in range(int(seconds * 2)):
            if condition():
                return
            await self.clock.advance(0.5)
        raise AssertionError(f"not within {seconds:g} seconds: {what}; {self.phases()}")

    async def install(self, name: str, **more: Any) -> None:
        """Install an app and wait until it runs."""
        await self.orchestrator.install(make_manifest(name, **more))
        await self.settle(name)
        assert self.phases()[name] == "running", self.notices()

    def phases(self) -> dict[str, str]:
        """Every app and its state, as clients see it."""
        return {name: entry["state"] for name, entry in self.node.board.whole()["package-data"].items()}

    def notices(self) -> list[str]:
        """What people were told."""
        return [notice["message"] for notice in self.node.board.whole()["notifications"]]

    def commands(self, *names: str) -> list[str]:
        """The commands of these kinds that Podman got, with the last word of each."""
        return [f"{words[0]} {words[-1]}" for words in self.mock.calls if words[0] in names]


def make_manifest(name: str, **more: Any) -> Manifest:
    """A small manifest."""
    container = {"image": more.pop("image", IMAGE), **more.pop("container", {})}
    return parse_manifest({"app": {"id": name, "container": container, **more}})


class Inline(Executor):
    """Runs at once what others let a thread do, so that no time of a test passes meanwhile."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is handed on
            future.set_exception(error)
        return future


@asynccontextmanager
async def open_world(
    folder: Path, *, clock: FakeClock | None = None, mock: MockPodman | None = None, **settings: Any
) -> AsyncIterator[World]:
    """An orchestrator over a folder; a mock that is given is used on, as Podman is by a process after another."""
    clock = clock or FakeClock()
    mock = mock or MockPodman(clock, {IMAGE: Behaviour()})
    directory, board, randomness = Directory(str(folder), Inline()), Board(), FakeRandomness()
    with directory.hold():
        node = Node(
            podman=Podman(mock, directory.node_name(lambda: "node-test")),
            directory=directory,
            settings=ContainersSettings(directory=str(folder), **settings),
            clock=clock,
            randomness=randomness,
            secrets=FakeSecrets({"env:APP_PASSWORD": "hunter2"}),
            board=board,
            notices=Notices(board, clock, MemoryChannels()),
            is_alive=mock.is_alive,
        )
        async with run(node) as orchestrator:
            world = World(orchestrator, node, mock, clock)
            await world.until(lambda: node.recovered, "recovery")
            yield world
    await mock.close()


def free_port() -> int:
    """A port of this machine that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, what: str, *, seconds: float = 20.0) -> None:
    """Return when somebody listens there."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} seconds: {what}")
        time.sleep(0.02)

"""Opens the orchestrator as a capability of this package."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from botserver_containers.orchestrator.node import Node, log
from botserver_containers.orchestrator.notices import Notices
from botserver_containers.orchestrator.orchestrator import Orchestrator, find_init, run
from botserver_containers.podman.adapter import Podman
from botserver_containers.podman.executor import SystemExecutor
from botserver_containers.push.board import Board
from botserver_containers.running import PodmanRunner
from botserver_containers.settings import ContainersSettings
from botserver_containers.storage.directory import Directory
from botserver_containers.storage.processes import is_alive
from botstate import CHANNELS, CLOCK, DATA_FOLDER, RANDOMNESS, SECRETS, Capability

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from botstate import AppState, ContainerRunner

#: For the routes of this package; others use what botstate offers.
ORCHESTRATOR = Capability[Orchestrator]("orchestrator", remedy="Install botserver[containers].")

#: Of the environment of this process, what Podman needs. The rest may hold secrets of others.
_PASSED_ON = ("PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TMPDIR", "LANG")


@asynccontextmanager
async def open_orchestrator(state: AppState) -> AsyncIterator[Orchestrator]:
    """Recover and keep up the apps of this machine. `PodmanMissingError` when Podman is not there or does not work."""
    settings = state.settings.part(ContainersSettings)
    randomness, clock = state.require(RANDOMNESS), state.require(CLOCK)
    directory = Directory(str(state.require(DATA_FOLDER).place(Path(settings.directory))))
    with directory.hold():
        name = directory.node_name(lambda: f"node-{randomness.random_bytes(6).hex()}")
        podman = create_podman(settings, name, folder=directory.path)
        version = await podman.version()
        log.info("Podman %s, node %s", version, podman.node)
        board = Board()
        board.put({"podman": version, "node": podman.node}, "server-info")
        node = Node(
            podman=podman,
            directory=directory,
            settings=settings,
            clock=clock,
            randomness=randomness,
            secrets=state.require(SECRETS),
            board=board,
            notices=Notices(board, clock, state.require(CHANNELS)),
            is_alive=is_alive,
            init=find_init(),
        )
        async with run(node) as orchestrator:
            yield orchestrator


@asynccontextmanager
async def open_runner(state: AppState) -> AsyncIterator[ContainerRunner]:
    """Run jobs of other services on the Podman of the orchestrator."""
    node = state.require(ORCHESTRATOR).node
    yield PodmanRunner(node.podman, node.clock, node.settings, node.init)


def create_podman(
    settings: ContainersSettings, node: str, environment: Mapping[str, str] | None = None, *, folder: str | None = None
) -> Podman:
    """Podman as these settings want it; the environment is that of this process unless another is given.

    What watches a container writes a file into the folder that Podman was called in when memory ran out.
    """
    environment = os.environ if environment is None else environment
    passed_on = {name: environment[name] for name in _PASSED_ON if name in environment}
    files = {"CONTAINERS_CONF": settings.containers_conf, "CONTAINERS_STORAGE_CONF": settings.storage_conf}
    executor = SystemExecutor(passed_on | {name: os.path.abspath(path) for name, path in files.items() if path}, folder)
    options = [] if settings.verify_registries else ["--tls-verify=false"]
    return Podman(executor, node, program=settings.podman, pull_options=options)

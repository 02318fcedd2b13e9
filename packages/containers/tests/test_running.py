"""Jobs of other services keep their contract, on the mock and on Podman."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from botlib import ForbiddenError, InvalidError, SystemClock
from botserver_containers.capability import create_podman
from botserver_containers.errors import PodmanError
from botserver_containers.podman.adapter import Podman
from botserver_containers.podman.mock import Behaviour, MockPodman
from botserver_containers.running import PodmanRunner
from botserver_containers.settings import ContainersSettings
from botstate import ContainerJob
from botstate.testing import CONTAINERS_CONTRACT, ContainersCheck

if TYPE_CHECKING:
    from pathlib import Path

    from botserver_containers.lab import Lab

pytestmark = pytest.mark.anyio
GREET = "localhost/lab/greet:1"


@pytest.mark.podman
@pytest.mark.parametrize("check", CONTAINERS_CONTRACT, ids=lambda check: check.__name__)
async def test_podman_keeps_the_contract(lab: Lab, check: ContainersCheck) -> None:
    files = ContainersSettings(containers_conf=lab.containers_conf, storage_conf=lab.storage_conf)
    runner = PodmanRunner(create_podman(files, "node-jobs"), SystemClock(), files)
    await check(runner, GREET)
    assert lab.run("secret", "ls", "--format", "{{.Name}}").stdout == b""


@pytest.mark.podman
async def test_a_podman_that_cannot_work_is_found_by_asking_for_its_version(lab: Lab, tmp_path: Path) -> None:
    storage = tmp_path / "storage.conf"
    storage.write_text('[storage]\ndriver = "vfs"\nrunroot = "/proc/no/run"\ngraphroot = "/proc/no/storage"\n')
    works = ContainersSettings(containers_conf=lab.containers_conf, storage_conf=lab.storage_conf)
    broken = ContainersSettings(containers_conf=lab.containers_conf, storage_conf=str(storage))

    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", await create_podman(works, "node").version())
    with pytest.raises(PodmanError, match="/proc/no"):
        await create_podman(broken, "node").version()


async def test_what_is_not_allowed_is_refused_and_leaves_nothing() -> None:
    mock = MockPodman(SystemClock(), {GREET: Behaviour()})
    runner = PodmanRunner(Podman(mock, "node"), SystemClock(), ContainersSettings())
    with pytest.raises(ForbiddenError):
        await runner.run(ContainerJob("a", "evil.example/x"))
    for job in (ContainerJob("a", GREET, network="host"), ContainerJob("a", GREET, environment={"A B": "x"})):
        with pytest.raises(InvalidError):
            await runner.run(job)
    mock.fail_start = 1
    with pytest.raises(Exception, match="permission denied"):
        await runner.run(ContainerJob("a", GREET))
    assert (mock.containers, mock.kept_secrets) == ({}, {})

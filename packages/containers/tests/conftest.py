"""What the tests of botserver-containers share."""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from botserver_containers.lab import SCRIPTS, create_lab, missing_programs
from botserver_containers.testing import World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from botserver_containers.lab import Lab


# A sample in CI, more where there is time. No deadline: how fast a loaded machine is proves nothing.
settings.register_profile("containers", max_examples=1000 if os.environ.get("CONTAINERS_FULL") else 40, deadline=None)
settings.load_profile("containers")


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An orchestrator without apps."""
    async with open_world(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """A Podman of its own for all tests of a run."""
    if lacking := missing_programs():
        sentence = f"needs Podman: apt-get install --no-install-recommends {' '.join(lacking)}"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    folder = tempfile.mkdtemp(prefix="lab")  # short, as sockets are made below it
    lab = create_lab(folder, tuple(SCRIPTS))
    yield lab
    lab.clean()


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The same without any container; a test that leaves one has failed."""
    yield shared_lab
    left = shared_lab.run("ps", "--all", "--format", "{{.Names}}").stdout.decode().split()
    if left:
        _remove_all(shared_lab)
    assert left == [], f"containers are left: {left}"


def _remove_all(lab: Lab) -> None:
    """The kernel may still be at work on what a process that it killed had mounted: wait until it lets go."""
    deadline = time.monotonic() + 20
    while (done := lab.run("rm", "--all", "--force", "--time", "0", check=False)).returncode != 0:
        assert time.monotonic() < deadline, done.stderr.decode(errors="replace")
        time.sleep(0.05)

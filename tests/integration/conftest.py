"""The services that the suite talks to: those that its variables name, or a set of processes on a stack."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from botserver_client import SyncOrchestrationClient
from botserver_client.waiting import main as wait_for_services
from botserver_stack import BlockingStack
from botserver_workflows.testing import ARITHMETIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Services(NamedTuple):
    """Where they are."""

    orchestration: str
    workers: tuple[str, ...]


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Two orchestrations would do as well as one: any of them takes any request."""
    given = os.environ.get("TASKER_TEST_ORCHESTRATION_URL")
    if given:
        found = Services(given, tuple(os.environ.get("TASKER_TEST_WORKER_URL", "").split()))
        wait(found)
        yield found
        return
    folder = tmp_path_factory.mktemp("services")
    arithmetic = ",".join(namespace for namespace, _name, _powers in ARITHMETIC)
    with BlockingStack(services=("postgres",)) as stack, ExitStack() as processes:
        database = stack.database_url
        words = ("serve", "workflows", "--set", "workflows.workers=0")
        orchestration = processes.enter_context(started(folder / "orchestration", database, *words))
        others = "order_fulfillment,conditional_approval,test_errors"
        workers = [
            processes.enter_context(started(folder / name, database, "worker", "--namespaces", namespaces))
            for name, namespaces in (("one", arithmetic), ("two", others))
        ]
        found = Services(orchestration, tuple(workers))
        wait(found)
        yield found


@contextmanager
def started(folder: Path, database: str, *words: str, program: Sequence[str] = ("-m", "botserver")) -> Iterator[str]:
    """A process of the server, which logs beside its folder; gives its address."""
    settings = {
        "BOT_DATABASE__URL": database,
        "BOT_DATA__FOLDER": str(folder),
        "BOT_WORKFLOWS__ENVIRONMENT": "test",
        "BOT_WEB__ADDRESS_RATE__COUNT": "0",
    }
    command = [sys.executable, *program, *words, "--port", "0"]
    log = folder.with_suffix(".log")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ready = next((it for it in process.stdout if it.startswith("botserver is ready on ")), None)
            assert ready is not None, f"{' '.join(words)} ended: {log.read_text()}"
            yield ready.split()[4]
        finally:
            process.terminate()


def wait(services: Services) -> None:
    """Until all of them are ready; the limit of the original's tests."""
    deadline = os.environ.get("TASKER_TEST_HEALTH_TIMEOUT", "60")
    assert wait_for_services(["--deadline", deadline, services.orchestration, *services.workers]) == 0


@pytest.fixture
def orchestration_url(services: Services) -> str:
    return services.orchestration


@pytest.fixture
def worker_urls(services: Services) -> tuple[str, ...]:
    return services.workers


@pytest.fixture(scope="session")
def client(services: Services) -> Iterator[SyncOrchestrationClient]:
    with SyncOrchestrationClient(services.orchestration) as opened:
        yield opened


#: The server, but steps with several parents take the largest of what these returned instead of the product.
WRONG = """
import sys
from botserver.cli import main
from botserver_workflows.samples import arithmetic
arithmetic.prod = max
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def wrong_client(tmp_path: Path) -> Iterator[SyncOrchestrationClient]:
    """Of a server that computes wrongly."""
    words = ("serve", "workflows")
    with (
        started(tmp_path / "wrong", "", *words, program=("-c", WRONG)) as url,
        SyncOrchestrationClient(url) as opened,
    ):
        yield opened

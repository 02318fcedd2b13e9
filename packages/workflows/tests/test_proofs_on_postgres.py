"""A short run of the proofs of processes on PostgreSQL, and of the one in which that goes away.

`WORKFLOWS_OUTAGES=50 uv run pytest packages/workflows -k outages -rP` stops it as often as the whole proof does. The
others run whole by the module `proofs`.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from botserver_workflows.proofs.outages import outlive_outages
from botserver_workflows.proofs.processes import freeze_workers, kill_workers, poison_workers, restart_workers

if TYPE_CHECKING:
    from botserver_stack.blocking import BlockingStack
    from botserver_stack.plugin import StackFactory

pytestmark = pytest.mark.slow

OUTAGES = int(os.environ.get("WORKFLOWS_OUTAGES", "2"))


@pytest.fixture(scope="session")
def postgres_template() -> str:
    """A database without tables: the proofs make them."""
    return "template1"


@pytest.mark.parametrize("engine", ["local", "dbos"])
def test_workers_that_are_killed_lose_and_double_nothing(tmp_path: Path, postgres_url: str, engine: str) -> None:
    """W1."""
    report = kill_workers(tmp_path, kills=2, runs=10, database=postgres_url, engine=engine)
    assert (report.violations, report.figures["kills"]) == ([], 2)


def test_nothing_is_taken_from_a_worker_that_was_given_up(tmp_path: Path, postgres_url: str) -> None:
    """W4."""
    assert freeze_workers(tmp_path, stops=1, database=postgres_url).violations == []


def test_a_step_that_kills_its_process_is_parked(tmp_path: Path, postgres_url: str) -> None:
    """W7."""
    assert poison_workers(tmp_path, poisons=1, database=postgres_url).violations == []


def test_workers_that_are_told_to_stop_burn_no_attempt(tmp_path: Path, postgres_url: str) -> None:
    """W14."""
    assert restart_workers(tmp_path, restarts=2, runs=10, database=postgres_url).violations == []


class Server(NamedTuple):
    """PostgreSQL, which is stopped as `pg_ctl stop --mode immediate` does it."""

    stack: BlockingStack

    def stop(self) -> None:
        lock = Path(self.stack.folder, "postgres", "data", "postmaster.pid")
        os.kill(int(lock.read_text("utf-8").split()[0]), signal.SIGQUIT)
        deadline = time.monotonic() + 30
        while lock.exists():
            assert time.monotonic() < deadline, "PostgreSQL did not stop"
            time.sleep(0.01)
        self.stack.kill_server("postgres")  # nothing is left of it, and it can be started again

    def start(self) -> None:
        self.stack.start_server("postgres")


@pytest.mark.parametrize("bug", ["", "no patience"])
def test_outages_of_the_database_lose_nothing_and_end_no_worker(
    tmp_path: Path, fresh_stack: StackFactory, bug: str
) -> None:
    """W2, and its twin, a worker that begins anew."""
    stack = fresh_stack(services=("postgres",))
    server = Server(stack)
    is_whole = OUTAGES > 2 and not bug
    report = outlive_outages(
        tmp_path,
        stops=OUTAGES if is_whole else 2,
        runs=OUTAGES * 100 if is_whole else 40,
        longest=5.0 if is_whole else 1.0,
        patience=3.0 if bug else 100.0,
        database=stack.database_url,
        stop=server.stop,
        start=server.start,
        bug=bug,
    )
    print(report.figures)
    assert bool(report.violations) == bool(bug), report.violations

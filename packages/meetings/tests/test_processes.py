from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from botlib import SystemClock
from botserver_meetings import processes as module
from botserver_meetings.processes import ProcessRunner
from botserver_meetings.staleness import Sight
from botserver_meetings.testing import RUNNER_CONTRACT, FakeRunner, RunnerCheck

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from botserver_meetings.runner import BotRunner

pytestmark = pytest.mark.anyio

WAIT = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAIT


def create_runner(folder: Path, code: str = WAIT) -> ProcessRunner:
    return ProcessRunner(folder, SystemClock(), (sys.executable, "-S", "-c", code))


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[ProcessRunner]:
    runner = create_runner(tmp_path / "run")
    yield runner
    await runner.close()


@pytest.mark.parametrize("check", RUNNER_CONTRACT, ids=lambda check: check.__name__)
async def test_processes_keep_the_contract(check: RunnerCheck, processes: ProcessRunner) -> None:
    await check(processes)


@pytest.mark.parametrize("check", RUNNER_CONTRACT, ids=lambda check: check.__name__)
async def test_the_fake_keeps_the_contract(check: RunnerCheck) -> None:
    runner: BotRunner = FakeRunner()
    await check(runner)


async def test_another_manager_finds_the_bot_and_can_end_it(processes: ProcessRunner, tmp_path: Path) -> None:
    await processes.start("bot-1", "{}")
    other = create_runner(tmp_path / "run")

    await other.start("bot-1", "{}")  # it runs already
    assert (await other.names(), await other.look("bot-1")) == (["bot-1"], Sight.RUNNING)
    await wait_for_mark(tmp_path / "run" / "bot-1.bot")
    await other.stop("bot-1", 5.0)

    assert await processes.look("bot-1") is Sight.EXITED


async def test_a_bot_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    runner = create_runner(tmp_path / "run", STUBBORN)
    await runner.start("bot-1", "{}")
    await wait_for_mark(tmp_path / "run" / "bot-1.bot")

    await runner.stop("bot-1", 0.1)

    assert await runner.look("bot-1") is Sight.EXITED


async def test_closing_ends_the_bots_that_were_started_here(tmp_path: Path) -> None:
    runner, other = create_runner(tmp_path / "run"), create_runner(tmp_path / "run")
    await runner.start("bot-1", "{}")

    await runner.close()

    assert await other.look("bot-1") is Sight.EXITED


async def wait_for_mark(path: Path) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + 10
    while not path.read_text():  # noqa: ASYNC240 - a few bytes
        assert clock.monotonic() < deadline, f"the bot did not write its number into {path}"
        await clock.sleep(0.01)


async def test_a_number_from_before_is_never_signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KILL_TIME", 0.1)
    mark = tmp_path / "run" / "bot-1.bot"
    mark.parent.mkdir()
    runner = create_runner(tmp_path / "run", "import time; time.sleep(60)")  # it has not written its number yet
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:  # noqa: ASYNC220 - starts at once
        mark.write_text(str(stranger.pid))
        await runner.start("bot-1", "{}")
        await create_runner(tmp_path / "run").stop("bot-1", 0.1)
        assert stranger.poll() is None
        stranger.kill()
    await runner.close()

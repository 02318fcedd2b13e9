"""A sweep ends stale stacks, and touches neither a live one nor anybody else's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from botserver_stack import BlockingStack, ending, processes
from botserver_stack.folders import create_folder
from botserver_stack.processes import Process, find_process
from botserver_stack.records import STATE_FILE, ServerRecord, StackRecord, write_record
from botserver_stack.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = Process(2**22 - 3, 1, "a boot of another time")


@contextmanager
def stranger() -> Iterator[Process]:
    sleeper = subprocess.Popen(["sleep", "60"])
    process = find_process(sleeper.pid)
    assert process is not None
    try:
        yield process
    finally:
        sleeper.kill()
        sleeper.wait()


def stale_folder(root: str, number: int, server: Process, **changes: Any) -> str:
    folder = os.path.join(root, f"botserver-test-20300101-000000-{number:08x}")
    os.close(create_folder(folder, {"botserver": 0o700}))
    record = ServerRecord("postgres", server, signals=(("SIGTERM", 1.0),))
    options = {"keep": False, "cookie": f"cookie-{number}", **changes}
    write_record(folder, StackRecord(id="x", manager=NOBODY, keeper=NOBODY, facts={}, servers=(record,), **options))
    return folder


def forgeries(real: Process) -> list[Process]:
    """Records that name the number of a live process, and not that process."""
    return [
        real._replace(start=real.start + 1),  # the number was used again
        real._replace(start=0),
        real._replace(boot="another"),  # the machine was started again
        Process(threading.get_native_id() + 2**20, real.start, real.boot),
        NOBODY,
    ]


def test_a_process_that_is_not_the_very_same_is_not_signalled(root: str) -> None:
    with stranger() as real:
        folders = [stale_folder(root, number, forged) for number, forged in enumerate(forgeries(real))]
        assert sweep(root) == folders
        assert find_process(real.pid) == real
    assert os.listdir(root) == []


def test_a_sweep_that_goes_by_the_number_alone_kills_a_stranger(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (processes, ending):
        monkeypatch.setattr(module, "is_alive", lambda process: os.path.exists(f"/proc/{process.pid}"))
    with stranger() as real:
        stale_folder(root, 1, real._replace(start=real.start + 1))
        sweep(root)
        assert find_process(real.pid) is None


def test_a_server_that_is_left_is_ended_by_its_record_or_by_its_cookie(root: str) -> None:
    with stranger() as named:
        marked = subprocess.Popen(["sleep", "60"], env={processes.COOKIE: "cookie-7"})
        stale_folder(root, 7, named)
        sweep(root)
        assert find_process(named.pid) is None
        assert marked.wait(10) == -signal.SIGKILL


def test_a_zombie_and_a_thread_are_no_live_process() -> None:
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert find_process(zombie.pid) is None
    zombie.wait()
    over, numbers = threading.Event(), [0]

    def live() -> None:
        numbers.append(threading.get_native_id())
        over.wait()

    thread = threading.Thread(target=live)
    thread.start()
    assert os.path.exists(f"/proc/{numbers[-1]}")
    assert find_process(numbers[-1]) is None
    over.set()
    thread.join()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "servers": 3}', "\0" * 100])
def test_a_record_that_cannot_be_believed_signals_nobody_and_its_folder_goes(root: str, text: str) -> None:
    folder = stale_folder(root, 1, NOBODY)
    Path(folder, STATE_FILE).write_text(text)
    assert sweep(root) == [folder]
    assert os.listdir(root) == []


def test_a_live_stack_a_strange_folder_and_what_was_kept_stay(root: str) -> None:
    os.mkdir(os.path.join(root, "botserver-test-of-mine"))
    os.symlink("/", os.path.join(root, "botserver-test-20300101-000000-0000000f"))
    kept = stale_folder(root, 2, NOBODY, keep=True)
    with BlockingStack(services=("redis",), root=root) as stack:
        assert sweep(root) == []  # the start of that stack has swept: what was to be kept has ended
        assert json.loads(Path(kept, STATE_FILE).read_text())["ended"] is True
        assert sweep(root, kept=True) == [kept]
        stack.kill_server("redis")
        stack.start_server("redis")
    assert sorted(os.listdir(root)) == ["botserver-test-20300101-000000-0000000f", "botserver-test-of-mine"]


def test_what_a_dead_process_began_to_make_is_removed_and_what_a_live_one_makes_is_not(root: str) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for number in (int(dead.stdout), os.getpid()):
        os.mkdir(os.path.join(root, f".botserver-test-20300101-000000-00000001.{number}"))
    sweep(root)
    assert os.listdir(root) == [f".botserver-test-20300101-000000-00000001.{os.getpid()}"]

"""Files that are whole after any crash (promise C3)."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botserver_containers.decisions import tracker
from botserver_containers.decisions.tracker import History
from botserver_containers.storage import files, processes
from botserver_containers.storage.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD, NEW = {"lnd": History(1, 5.0)}, {"lnd": History(2, 50.0), "a": History(1, 7.0, 9.0)}
CALLS = ("open", "write", "fsync", "close", "replace", "unlink")


class KilledError(BaseException):
    """The process ends here: nothing of it runs any more."""


class Fault:
    """Lets the n-th call of the system fail, or be the last one; half of a write is done before."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.left = number
        self.error = error
        self.dead = False

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.dead:
                raise self.error
            self.left -= 1
            if self.left == 0:
                self.dead = isinstance(self.error, KilledError)
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise self.error
            return real(*arguments, **options)

        return call


FAULTS: list[tuple[str, Callable[[], BaseException]]] = [
    ("killed", KilledError),
    ("disk full", lambda: OSError(errno.ENOSPC, "No space left on device")),
    ("disk broken", lambda: OSError(errno.EIO, "Input/output error")),
]


def torn_files(folder: Path, write: Callable[[str, object], None], error: Callable[[], BaseException]) -> int:
    """How many faults of this kind, one at each call, leave something else than the old or the new tracker."""
    torn, number, path = 0, 0, str(folder / "restart-tracker.json")
    while True:
        number += 1
        files.write_json(path, tracker.to_document(OLD))
        fault = Fault(number, error())
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, fault.wrap(name, getattr(os, name)))
            try:
                write(path, tracker.to_document(NEW))
            except (KilledError, OSError):
                acknowledged = False
            else:
                acknowledged = True
        loaded = files.load_json(path, tracker.from_document, dict[str, History](), stamp=str(number))
        if loaded.value not in ([NEW] if acknowledged else [OLD, NEW]):
            torn += 1
        if fault.left > 0:
            return torn


@pytest.mark.parametrize("error", [error for _, error in FAULTS], ids=[name for name, _ in FAULTS])
def test_a_file_is_old_or_new_after_a_fault_at_any_call(tmp_path: Path, error: Callable[[], BaseException]) -> None:
    assert torn_files(tmp_path, files.write_json, error) == 0


@pytest.mark.parametrize("error", [error for _, error in FAULTS], ids=[name for name, _ in FAULTS])
def test_a_writer_that_writes_in_place_is_caught(tmp_path: Path, error: Callable[[], BaseException]) -> None:
    def write_in_place(path: str, document: object) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        os.write(descriptor, json.dumps(document).encode())
        os.close(descriptor)

    assert torn_files(tmp_path, write_in_place, error) > 0


GOOD = json.dumps(tracker.to_document(NEW)).encode()
RUNS = 500 if os.environ.get("CONTAINERS_FULL") else 100


@settings(max_examples=RUNS)
@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)), st.binary(max_size=20))
def test_any_damage_is_put_aside_or_read(start: int, length: int, middle: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "restart-tracker.json")
        content = GOOD[:start] + middle + GOOD[start + length :]
        with open(path, "wb") as file:
            file.write(content)
        loaded = files.load_json(path, tracker.from_document, dict[str, History](), stamp="now")
        if loaded.warning:
            assert loaded.value == {}
            with open(f"{path}.damaged-now", "rb") as file:
                assert file.read() == content
        else:
            assert tracker.from_document(tracker.to_document(loaded.value)) == loaded.value


def test_damage_of_the_same_second_is_kept_apart(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    for text in ("x", "y"):
        (tmp_path / "a.json").write_text(text)
        assert files.load_json(path, dict, {}, stamp="now").value == {}  # type: ignore[arg-type]  # any parser will do
    assert sorted(os.listdir(tmp_path)) == ["a.json.damaged-now", "a.json.damaged-now-2"]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "a.json.new").symlink_to(tmp_path / "victim")
    files.write_atomic(str(tmp_path / "a.json"), b"x")
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.anyio
async def test_writes_end_up_in_the_order_they_were_asked_for(tmp_path: Path) -> None:
    import asyncio

    directory = Directory(str(tmp_path))
    with directory.hold():
        tasks = [asyncio.ensure_future(directory.save_user_stopped([f"a{number}"])) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[5:15]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        directory.close()
    assert json.loads((tmp_path / "user-stopped.json").read_text()) == ["a19"]


def test_this_process_lives_and_a_zombie_does_not() -> None:
    assert processes.is_alive(os.getpid())
    assert processes.boot_id()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(child)
    os.waitpid(child, 0)
    assert not processes.is_alive(child)

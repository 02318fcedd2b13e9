"""Locks between processes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from partita import locks
from partita.locks import hold, try_to_hold

if TYPE_CHECKING:
    from pathlib import Path


def test_one_has_a_lock_alone_or_many_share_it(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "lock")
    with hold(path, shared=True), hold(path, shared=True), try_to_hold(path) as alone:
        assert not alone
    with hold(path), try_to_hold(path) as alone:
        assert not alone
    with try_to_hold(path) as alone:
        assert alone


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    process = os.fork()
    if not process:
        with hold(path):
            os._exit(0)
    os.waitpid(process, 0)
    with try_to_hold(path) as alone:
        assert alone


def test_a_lock_on_a_file_that_was_removed_meanwhile_counts_for_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    assert locks._stands(path, descriptor)
    os.unlink(path)
    assert not locks._stands(path, descriptor)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT))
    assert not locks._stands(path, descriptor)
    os.close(descriptor)


def test_who_waited_while_the_file_was_removed_takes_the_next_one(tmp_path: Path) -> None:
    """Two who hold different files of one name would both believe to be alone."""
    path = str(tmp_path / "lock")
    inside: list[int] = []

    def work() -> None:
        with hold(path):
            inside.append(1)
            assert len(inside) == 1
            inside.pop()
            os.unlink(path)  # last: from here on the next one may take the file that stands there then

    threads = [threading.Thread(target=work) for _ in range(20)]
    with hold(path):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert inside == []
    assert not any(thread.is_alive() for thread in threads)

"""File systems that a stack can meet: full, read-only, without execution."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from botserver_stack import BlockingStack, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@contextmanager
def mounted(root: str, options: str) -> Iterator[str]:
    place = os.path.join(root, "disk")
    os.mkdir(place)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"mode=755,{options}", "none", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        os.rmdir(place)
        reason = done.stderr.splitlines()[0]
        pytest.skip(f"needs root and the right to mount ({reason}): run as root, in a container --privileged")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_said_and_leaves_nothing(root: str) -> None:
    with mounted(root, "size=6m") as place:
        with pytest.raises(StackError, match="No space left on device"):
            BlockingStack(services=("postgres", "redis"), root=place).start()
        assert os.listdir(place) == []


def test_a_disk_that_is_read_only_is_said(root: str) -> None:
    with (
        mounted(root, "ro") as place,
        pytest.raises(StackError, match=r"is not writable|Read-only file system"),
    ):
        BlockingStack(services=("redis",), root=place).start()


def test_a_disk_without_execution_will_do_since_no_program_lies_there(root: str) -> None:
    with mounted(root, "noexec") as place, BlockingStack(services=("postgres", "redis"), root=place) as stack:
        assert stack.database_url

"""Folders of stacks are told to lie far from each other, where the file system can be told."""

from __future__ import annotations

import fcntl
import os
import sys

import pytest

from botserver_stack import TemporaryStack
from botserver_stack.spreading import spread_children

pytestmark = pytest.mark.anyio


def is_spread(folder: str) -> bool:
    """Whether it has the flag that lsattr prints as T; False on a file system without flags."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        answer = fcntl.ioctl(descriptor, 0x80086601, bytes(8))  # FS_IOC_GETFLAGS
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(int.from_bytes(answer, sys.byteorder) & 0x20000)


async def test_what_a_stack_holds_is_spread_and_so_are_its_databases(root: str) -> None:
    spread_children(root)
    known = is_spread(root)  # not every file system has the flag; a stack starts nevertheless
    async with TemporaryStack(services=("postgres",), root=root) as stack:
        base = os.path.join(stack.folder, "postgres", "data", "base")
        assert [is_spread(it) for it in (stack.folder, base, os.path.dirname(base))] == [known, known, False]


def test_a_folder_that_cannot_be_told_is_left_as_it_is() -> None:
    spread_children("/proc/self")
    spread_children("/nothing")

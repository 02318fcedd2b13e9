"""Locks between processes, on files outside the tree. They end with the process, however that ends.

Whoever has a lock alone may remove its file: who waited for it then takes the lock on the file that stands there next.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def hold(path: str, *, shared: bool = False) -> Iterator[None]:
    """Wait for the lock on this file and keep it; many may share it, or one has it alone."""
    descriptor = _acquire(path, shared=shared, wait=True)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def try_to_hold(path: str) -> Iterator[bool]:
    """Take the lock alone if nobody has it, and tell whether that went well."""
    descriptor = _acquire(path, shared=False, wait=False)
    try:
        yield descriptor >= 0
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _acquire(path: str, *, shared: bool, wait: bool) -> int:
    """The descriptor that carries the lock; -1 when somebody else has it and this one does not wait."""
    import fcntl

    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            if _stands(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return -1
        os.close(descriptor)


def _stands(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False

"""Work on all cores by `fork`: a pool costs 26 ms to import, a fork and a pipe cost one."""

from __future__ import annotations

import marshal
import os
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")


def map_chunks(function: Callable[[Sequence[Item]], Any], items: Sequence[Item], smallest: int) -> list[Any]:
    """`function` of consecutive slices of `items`, in order; slices run in forked processes where that pays.

    At least `smallest` items make a slice. What `function` returns must be marshal-able plain data. A child that
    dies is no error: its slice is done again in this process, so an exception surfaces here as itself.
    """
    workers = min(os.cpu_count() or 1, max(1, len(items) // smallest)) if hasattr(os, "fork") else 1
    size = -(-len(items) // workers) if items else 1
    slices = [items[start : start + size] for start in range(0, len(items), size)]
    children = [_start(function, part) for part in slices[1:]]
    results = [function(slices[0])] if slices else []
    for part, (process, pipe) in zip(slices[1:], children, strict=True):
        with open(pipe, "rb") as file:
            content = file.read()
        _, status = os.waitpid(process, 0)
        results.append(marshal.loads(content) if status == 0 else function(part))  # noqa: S302 - from our own child
    return results


def _start(function: Callable[[Sequence[Item]], Any], part: Sequence[Item]) -> tuple[int, int]:
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    status = 1
    try:
        os.close(reading)
        with open(writing, "wb") as file:
            file.write(marshal.dumps(function(part)))
        status = 0
    finally:
        os._exit(status)

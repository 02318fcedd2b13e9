"""Where stacks are made, and whether that is possible there."""

from __future__ import annotations

import os
import tempfile

from botserver_stack.errors import StackError

#: What the longest path within a stack adds, with some room.
_LONGEST = 4096 - 300


def check_root(root: str | None) -> str:
    """The absolute folder in which stacks are made. Raises `StackError` when it is none, or not ours to write to."""
    path = os.path.realpath(root or tempfile.gettempdir())
    if len(os.fsencode(path)) > _LONGEST:
        raise StackError(f"The path of the stack root is too long: more than {_LONGEST} bytes.", remedy=_REMEDY)
    if not os.path.isdir(path):
        raise StackError(f"{path} is no folder.", remedy=_REMEDY)
    if not os.access(path, os.W_OK | os.X_OK):
        raise StackError(f"{path} is not writable.", remedy=_REMEDY)
    return path


_REMEDY = "Name another one: --stack-root DIR."

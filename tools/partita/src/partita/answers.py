"""Remembered answers: when nothing that an answer rests on has changed, it is given again as it was.

Start-up decides how fast a question on a few hundred members feels, so this module imports next to nothing. An
answer is kept with the stamp of every file and folder that was looked at, absent ones included, and is only given
again when each of them is still the same.
"""

from __future__ import annotations

import os
import sys
import time
import zlib

from partita import cache
from partita.tree import is_racy, read_stamp

TYPE_CHECKING = False  # as in typing, whose import costs more than a remembered answer
if TYPE_CHECKING:
    from collections.abc import Sequence

    from partita.tree import Tree

_ENVIRONMENT = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "PYTHONIOENCODING", "LANG", "LC_ALL")
_KEPT = 32  # answers a folder; the oldest go


def replay(arguments: Sequence[str]) -> int | None:
    """Print the remembered answer to these arguments and return its exit code; None when there is none."""
    if "--no-cache" in arguments:
        return None
    content = cache.load(os.getcwd(), _name(arguments))
    if not isinstance(content, tuple) or content[0] != _circumstances(arguments):
        return None
    _, paths, stamps, text, code = content
    for path, stamp in zip(paths, stamps, strict=True):
        if read_stamp(path) != stamp:
            return None
    _write(text)
    return int(code)


def give(text: str | bytes, code: int, arguments: Sequence[str], tree: Tree, started: int) -> int:
    """Print an answer, remember it, and return its exit code.

    `started` is the time in nanoseconds before the first file was read. An answer that rests on a file written at
    that very moment is not kept.
    """
    _write(text)
    if "--no-cache" not in arguments and not any(is_racy(stamp, started) for stamp in tree.observed.values()):
        name = _name(arguments)
        content = (_circumstances(arguments), list(tree.observed), list(tree.observed.values()), text, code)
        cache.store(os.getcwd(), name, content)
        cache.prune(os.getcwd(), os.path.dirname(name), _KEPT)
    return code


def _name(arguments: Sequence[str]) -> str:
    return os.path.join("answers", f"{zlib.crc32(repr(_circumstances(arguments)).encode()):08x}")


def _circumstances(arguments: Sequence[str]) -> tuple[object, ...]:
    """Whatever besides files may shape an answer."""
    return (
        tuple(arguments),
        _screen(),
        getattr(sys.stdout, "encoding", None),
        tuple(os.environ.get(name) for name in _ENVIRONMENT),
    )


def _screen() -> tuple[int, int] | None:
    """Columns and lines of the terminal that standard output is, None when it is none."""
    try:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):  # ValueError: a stand-in without a descriptor, as tests use
        return None
    return columns, lines


def _write(text: str | bytes) -> None:
    if isinstance(text, bytes):
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
    else:
        sys.stdout.write(text)
    sys.stdout.flush()


def now() -> int:
    """The time to hand to `give` as `started`."""
    return time.time_ns()

"""Files that are whole or not there, and a place for those that got damaged."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Loaded(NamedTuple):
    """The value of a file. `warning` is a sentence when the file was damaged and put aside, else ""."""

    value: Any
    warning: str = ""


def write_atomic(path: str, content: bytes, *, mode: int = 0o600) -> None:
    """Replace the file: whoever reads it, also after a crash at any moment, finds the old or the new content.

    The temporary file stands beside it under a fixed name, so that a crash leaves one at most, which the next write
    takes over. For one writer at a time.
    """
    temporary = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, path)
    _sync_folder(os.path.dirname(path) or ".")


def write_json(path: str, document: object) -> None:
    """The same for a JSON document."""
    write_atomic(path, json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")


def load_json(path: str, parse: Callable[[object], T], default: T, *, stamp: str) -> Loaded:
    """What `parse` makes of the document; the default when there is none.

    A file that cannot be read as one, or for which `parse` raises `ValueError`, is renamed to NAME.damaged-STAMP, so
    that it can be looked at, and counts as not there.
    """
    try:
        with open(path, "rb") as file:
            return Loaded(parse(json.loads(file.read())))
    except FileNotFoundError:
        return Loaded(default)
    except (ValueError, RecursionError) as error:
        kept = _put_aside(path, stamp)
        what = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return Loaded(default, f"{os.path.basename(path)} was damaged ({what}). It is kept as {kept}.")


def remove(path: str) -> None:
    """Remove the file for good; one that is not there is removed already."""
    with suppress(FileNotFoundError):
        os.unlink(path)
        _sync_folder(os.path.dirname(path) or ".")


def _put_aside(path: str, stamp: str) -> str:
    kept, number = f"{path}.damaged-{stamp}", 1
    while os.path.lexists(kept):
        number += 1
        kept = f"{path}.damaged-{stamp}-{number}"
    os.replace(path, kept)
    return os.path.basename(kept)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

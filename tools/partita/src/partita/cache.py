"""Per-repository caches outside the tree: plain data behind a header that says who wrote it.

A cache is only ever an accelerator. One that is damaged, from another version of Partita or of Python, from
another machine or another root is ignored with one line; a place that cannot be written is no error.
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib

TYPE_CHECKING = False  # as in typing, whose import costs more than reading a cache
if TYPE_CHECKING:
    from typing import Any

_reported: set[str] = set()


def cache_folder(root: str) -> str:
    """Where the caches of the repository at this absolute root live.

    `PARTITA_CACHE_DIR`, else `XDG_CACHE_HOME/partita`, else `~/.cache/partita`; one folder a root below it.
    """
    base = os.environ.get("PARTITA_CACHE_DIR")
    if not base:
        parent = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        base = os.path.join(parent, "partita")
    name = os.path.basename(root) or "root"
    return os.path.join(base, f"{name}-{zlib.crc32(os.fsencode(root)):08x}")


def load(root: str, name: str) -> Any:
    """What `store` was given last under this name, or None."""
    path = os.path.join(cache_folder(root), name)
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
    except OSError:
        return None
    header, separator, payload = content.partition(b"\n")
    expected = _header(root)
    if not separator or not header.startswith(expected):
        _ignore(root, "it was written by another version, on another machine or for another folder")
        return None
    try:
        if int(header[len(expected) :], 16) == zlib.crc32(payload):
            return marshal.loads(payload)  # noqa: S302 - our own file behind a checksum
    except (ValueError, EOFError, TypeError):
        pass  # told below: a damaged file is a damaged file
    _ignore(root, "it is damaged")
    return None


def store(root: str, name: str, value: Any) -> None:
    """Keep plain data (what marshal takes). Readers see the old content or the new, never a mixture."""
    folder = cache_folder(root)
    path = os.path.join(folder, name)
    temporary = f"{path}.{os.getpid()}.tmp"
    payload = marshal.dumps(value)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temporary, "wb", buffering=0) as file:
            file.write(_header(root) + b"%08x\n" % zlib.crc32(payload) + payload)
        os.replace(temporary, path)
    except OSError:
        _unlink(temporary)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def prune(root: str, folder: str, kept: int) -> None:
    """Delete all but the `kept` youngest caches of one sub-folder."""
    path = os.path.join(cache_folder(root), folder)
    try:
        with os.scandir(path) as entries:
            files = sorted(entries, key=lambda entry: entry.stat().st_mtime_ns)
        for entry in files[:-kept]:
            _unlink(entry.path)
    except OSError:
        return  # there is nothing yet, or another run prunes at this moment


def _header(root: str) -> bytes:
    tag = sys.implementation.cache_tag or "python"
    machine = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return os.fsencode(f"partita {_code_stamp():08x} {tag} {machine} {root} ").replace(b"\n", b"?")


def _code_stamp() -> int:
    """Which Partita this is: sizes and times of its own files, so that a changed reader distrusts old readings."""
    stamp = 0
    package = os.path.dirname(os.path.abspath(__file__))
    for folder in (package, *(os.path.join(package, name) for name in ("commands", "reports", "rules"))):
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    stamp = zlib.crc32(b"%s %d %d" % (entry.name.encode(), status.st_mtime_ns, status.st_size), stamp)
    return stamp


def _ignore(root: str, reason: str) -> None:
    folder = cache_folder(root)
    if folder not in _reported:
        _reported.add(folder)
        print(f"partita: the cache in {folder} is ignored: {reason}", file=sys.stderr)

"""What files import, remembered between runs by their stamps; only files that changed are read again.

Most statements lead to the standard library or to third parties, and which do not can be told from the top-level
names of the workspace alone. So of each file the few that may lead to a module are kept at hand, and all of them as
one lump that is opened when somebody asks for every import.
"""

from __future__ import annotations

import errno
import marshal
import os
from stat import S_ISREG
from typing import TYPE_CHECKING

from partita import cache
from partita.findings import UNREADABLE_SOURCE
from partita.parallel import map_chunks
from partita.tree import Stamp, is_racy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from partita.imports import Statement
    from partita.sources import Source

#: The code, the line and the sentence of what kept a file from being read.
Problem = tuple[str, int, str]
#: The stamp of a file, every statement of it as a lump, those that may lead to a module, and what was wrong.
Reading = tuple[Stamp | None, bytes, tuple["Statement", ...], Problem | None]

_SMALLEST_CHUNK = 100  # files; below that a second process costs more than it saves
_BLOCK = 1 << 20
#: Opening a pipe would wait for a writer otherwise. Not every system knows every flag.
_READING = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))


def read_statements(
    root: str, name: str, sources: Sequence[Source], tops: frozenset[str], read_at: int, *, use_cache: bool
) -> list[Reading]:
    """What each file imports, in their order. What may lead to a module is relative or starts with one of `tops`.

    It is remembered by `name`, which stands for the same choice of files in every run. `read_at` is the time in
    nanoseconds before any file was looked at: what changed about then is read again next time.
    """
    wanted = sorted(tops)
    remembered: tuple[list[str], dict[str, Reading]] | None = cache.load(root, name) if use_cache else None
    known_tops, entries = remembered or (wanted, {})
    known: dict[str, Reading] = {}
    stale = []
    for source in sources:
        entry = entries.get(source.path)
        if entry is not None and entry[0] == source.stamp:
            known[source.path] = entry
        else:
            stale.append(source)
    if known_tops != wanted:
        for path, (stamp, lump, _, problem) in known.items():
            known[path] = (stamp, lump, _select(open_lump(lump), tops), problem)
    mixed = stale[0::2] + stale[1::2]  # neighbours are alike in size: two processes get equal shares of work
    for part in map_chunks(lambda chunk: _read_files(root, chunk, tops), mixed, _SMALLEST_CHUNK) if stale else ():
        known.update(part)
    if use_cache and (stale or len(known) != len(entries) or known_tops != wanted):
        kept = {path: entry for path, entry in known.items() if entry[0] and not is_racy(entry[0], read_at)}
        cache.store(root, name, (wanted, kept))
    return [known[source.path] for source in sources]


def open_lump(lump: bytes) -> tuple[Statement, ...]:
    """Every statement of a file."""
    statements: tuple[Statement, ...] = marshal.loads(lump)  # noqa: S302 - from our own cache or from our own process
    return statements


def _select(statements: Sequence[Statement], tops: frozenset[str]) -> tuple[Statement, ...]:
    return tuple(item for item in statements if item[2] or item[3].partition(".")[0] in tops)


def _read_files(root: str, sources: Sequence[Source], tops: frozenset[str]) -> list[tuple[str, Reading]]:
    """Runs in a forked process, too: plain data out."""
    from partita.imports import parse_imports  # its expressions take 5 ms to compile: only where a file changed

    found = []
    for path, _, _, _, stamp in sources:
        try:
            statements, problem = parse_imports(_read_regular(f"{root}/{path}"))
        except OSError as error:
            statements, problem = (), (UNREADABLE_SOURCE, 0, f"the file cannot be read: {error.strerror}")
        found.append((path, (stamp, marshal.dumps(statements), _select(statements, tops), problem)))
    return found


def _read_regular(place: str) -> bytes:
    """The content of a file. Raises OSError, for a pipe or a device, too, on which reading would wait."""
    descriptor = os.open(place, _READING)
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = os.read(descriptor, status.st_size + 1)
        while more := os.read(descriptor, _BLOCK):
            content += more
        return content
    finally:
        os.close(descriptor)

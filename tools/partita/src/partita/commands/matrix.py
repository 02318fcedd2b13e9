"""`matrix`: what CI has to run, as one line of JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from partita.errors import PartitaError
from partita.matrix import build_matrix, pack
from partita.naming import session_names

if TYPE_CHECKING:
    import argparse

    from partita.naming import Named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `matrix`."""
    add = parser.add_argument
    add("--base", metavar="REF", help="only what changes since this commit reach (default: every member)")
    add("--shards", type=int, metavar="N", help="pack into N jobs by recorded durations (default: one job a member)")


def run(options: argparse.Namespace) -> int:
    """Print the matrix. What a person who reads the log wants to know goes to standard error."""
    if options.shards is not None and options.shards < 1:
        raise PartitaError(f"--shards {options.shards}: there must be at least one job")
    members, chosen = _choose(options)
    entries = build_matrix(chosen, session_names(members))
    if options.shards is not None:
        from partita.results import read_durations
        from partita.workspace import find_root

        entries = pack(entries, options.shards, read_durations(options.root or find_root(".")))
    sys.stdout.write(json.dumps(entries, separators=(",", ":")) + "\n")
    return 0


def _choose(options: argparse.Namespace) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """All members, whose names depend on each other, and those that are to be tested."""
    if options.base is None:
        from partita.workspace import find_root, read_workspace

        members = read_workspace(options.root or find_root("."), use_cache=not options.no_cache).members
        return members, members
    from partita.reach import read_affected
    from partita.reports.affected import summarise

    outlines, affected = read_affected(options.root or None, options.base, use_cache=not options.no_cache)
    print(summarise(affected, len(outlines)), file=sys.stderr)
    reached = {member.name for member in affected.members}
    return outlines, tuple(member for member in outlines if member.name in reached)

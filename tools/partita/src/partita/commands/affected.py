"""`affected`: which members a change reaches, and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from partita.reach import read_affected

if TYPE_CHECKING:
    import argparse

_USUAL_BASE = "the default branch of origin, else main or master"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `affected`."""
    add = parser.add_argument
    add("--base", metavar="REF", help=f"compare with where the work tree left this commit (default: {_USUAL_BASE})")
    add("--explain", action="store_true", help="tell the reason for each member (default: names only)")
    add("--imports", action="store_true", help="follow imports that nobody declared, too (default: what is declared)")
    add("--json", action="store_true", help="print JSON, with the reasons (default: text)")


def run(options: argparse.Namespace) -> int:
    """Print what is affected. That a member is affected is no finding: the exit code is 0."""
    members, affected = read_affected(
        options.root or None, options.base, use_cache=not options.no_cache, follow_imports=options.imports
    )
    from partita.reports.affected import render_json, render_text  # git ran meanwhile

    if options.json:
        sys.stdout.write(render_json(affected))
    else:
        sys.stdout.write(render_text(affected, len(members), explain=options.explain))
    return 0

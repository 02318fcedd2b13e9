"""`footprint`: what each member costs to fetch, install, import and test."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from partita.choice import choose
from partita.contents import is_built, is_isolated
from partita.errors import PartitaError
from partita.footprint import measure, render_json, render_text
from partita.naming import session_names
from partita.resolution import find_lock
from partita.results import read_durations
from partita.workspace import find_root, read_workspace

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `footprint`."""
    add = parser.add_argument
    add("--only", metavar="NAMES", help="members or folders, separated by commas (default: every member)")
    add("--runs", type=int, default=5, metavar="N", help="fresh processes to take the median of (default: 5)")
    add(
        "--run", action="store_true", help="run the isolated tests that have no recorded time (default: leave them out)"
    )
    add("--json", action="store_true", help="print the figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Measure and print. Exit 1 when tests that were asked for fail."""
    if options.runs < 1:
        raise PartitaError(f"--runs {options.runs}: there must be at least one")
    workspace = read_workspace(options.root or find_root("."), use_cache=not options.no_cache)
    members = choose([member for member in workspace.members if is_built(workspace, member)], options.only)
    code = _run_tests(options) if options.run else 0
    sessions = session_names(workspace.members)
    recorded = read_durations(workspace.root)
    durations = {
        member.name: recorded[sessions[member.name]]
        for member in workspace.members
        if is_isolated(workspace, member) and sessions[member.name] in recorded
    }
    footprint = measure(workspace, members, find_lock(workspace), options.runs, durations)
    print(json.dumps(render_json(footprint, options.runs), indent=1) if options.json else render_text(footprint))
    return code


def _run_tests(options: argparse.Namespace) -> int:
    """All that `test` does, its output aside."""
    import argparse
    import contextlib

    from partita.commands import test

    words = argparse.Namespace(**vars(options) | {"base": None, "json": True})
    with contextlib.redirect_stdout(sys.stderr):
        return test.run(words)

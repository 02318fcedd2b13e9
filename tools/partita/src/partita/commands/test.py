"""`test`: run the isolated sessions of what changed, skip what is proven unchanged."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from partita.choice import choose
from partita.contents import is_isolated
from partita.errors import PartitaError
from partita.isolation import prove, render_outcome
from partita.locks import hold
from partita.naming import session_names
from partita.resolution import find_lock
from partita.results import Ground, explain, find_pass, keep_pass, record_duration, session_lock
from partita.uv import find_uv
from partita.workspace import find_root, read_workspace

if TYPE_CHECKING:
    import argparse

    from partita.isolation import Outcome
    from partita.workspace import Member, Workspace


class Done(NamedTuple):
    """What became of one session. `seconds` is what it took, or what skipping it saved."""

    session: str
    member: str
    status: str
    because: str
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `test`."""
    parser.add_argument(
        "--only", metavar="NAMES", help="members or folders, separated by commas (default: every member)"
    )
    parser.add_argument(
        "--base", metavar="REF", help="only what changes since this commit reach (default: every member)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the results as JSON; all else goes to standard error"
    )


def run(options: argparse.Namespace) -> int:
    """Exit 1 when a session fails."""
    root, use_cache = options.root or find_root("."), not options.no_cache
    workspace = read_workspace(root, use_cache=use_cache)
    members = _choose(workspace, options)
    names = session_names(workspace.members)
    find_uv()  # without it no session could run, which is told once
    lock = find_lock(workspace)
    ground = Ground(workspace, lock)
    stream = sys.stderr if options.json else sys.stdout
    results = []
    for member in sorted(members, key=lambda member: names[member.name]):
        with hold(session_lock(workspace.root, names[member.name])):
            done = _test(workspace, member, names[member.name], ground, use_cache=use_cache, as_json=options.json)
        results.append(done)
        print(f"{done.session}: {done.status}: {done.because}", file=stream, flush=True)
    if options.json:
        print(json.dumps({"schema": 1, "sessions": [done._asdict() for done in results]}, indent=1))
    else:
        print(_summary(results))
    return 1 if any(done.status == "failed" for done in results) else 0


def _test(
    workspace: Workspace, member: Member, session: str, ground: Ground, *, use_cache: bool, as_json: bool
) -> Done:
    """Look one session up, or run it. The caller holds its lock."""
    basis = ground.basis(member)
    kept = find_pass(workspace.root, session, basis) if use_cache else None
    if kept is not None:
        told = f"nothing it rests on has changed since it passed on {kept.time[:16].replace('T', ' ')} UTC"
        return Done(session, member.name, "skipped", f"{told}, {kept.seconds:.1f} s saved", kept.seconds)
    stream, output = (sys.stderr, 2) if as_json else (sys.stdout, None)
    because = explain(workspace.root, session, basis) if use_cache else "--no-cache"
    print(f"{session}: runs: {because}", file=stream, flush=True)
    started = time.monotonic()
    try:
        outcome = prove(
            workspace, member, ground.lock, say=lambda line: print(line, file=stream, flush=True), output=output
        )
    except PartitaError as error:  # of this member alone: its wheel or its environment cannot be made
        return Done(session, member.name, "failed", "\n".join(error.problems), time.monotonic() - started)
    seconds = time.monotonic() - started
    for line in render_outcome(outcome):
        print(line, file=stream)
    if not outcome.passed:
        return Done(session, member.name, "failed", _why_it_failed(outcome), seconds)
    record_duration(workspace.root, session, seconds)
    if Ground(workspace, ground.lock).basis(member) == basis:  # somebody may have edited a file meanwhile
        keep_pass(workspace.root, session, basis, seconds)
    return Done(session, member.name, "passed", f"{seconds:.1f} s", seconds)


def _choose(workspace: Workspace, options: argparse.Namespace) -> list[Member]:
    members = choose([member for member in workspace.members if is_isolated(workspace, member)], options.only)
    if options.base:
        from partita.reach import read_affected

        _, affected = read_affected(workspace.root, options.base, use_cache=not options.no_cache)
        reached = {member.name for member in affected.members}
        members = [member for member in members if member.name in reached]
    return members


def _why_it_failed(outcome: Outcome) -> str:
    if outcome.findings:
        return f"it does not stand alone: {len(outcome.findings)} imports or modules broke"
    return f"pytest ended with exit code {outcome.code}"


def _summary(results: list[Done]) -> str:
    counts = {status: sum(done.status == status for done in results) for status in ("passed", "failed", "skipped")}
    saved = sum(done.seconds for done in results if done.status == "skipped")
    text = ", ".join(f"{count} {status}" for status, count in counts.items() if count or status != "skipped")
    return f"{text} ({saved:.1f} s saved)" if counts["skipped"] else text

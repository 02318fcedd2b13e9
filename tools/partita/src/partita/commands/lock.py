"""`lock`: make `requirements.lock` and the constraints in the root's manifest, or tell that they are stale."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from partita.errors import PartitaError
from partita.lock import FILE_NAME, NOT_IN_LOCK, Lock, check_lock, constraints_of, read_lock, render_lock
from partita.manifest import normalise
from partita.pins import put_pins, read_pins
from partita.resolution import read_demands, resolve, resolve_afresh
from partita.workspace import find_root, read_workspace
from partita.writing import Plan, plan_changes, write

if TYPE_CHECKING:
    import argparse

    from partita.findings import Finding
    from partita.workspace import Workspace

_MANIFEST = "pyproject.toml"
_ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lock`."""
    parser.add_argument("--check", action="store_true", help="only tell whether the lock is stale; needs no network")
    parser.add_argument(
        "--upgrade", metavar="NAMES", help="move these pins, separated by commas, or 'all' (default: none)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be written")
    parser.add_argument("--json", action="store_true", help="print the findings of --check as JSON")


def run(options: argparse.Namespace) -> int:
    """Make the lock, or check it. Exit 1 when it is stale."""
    workspace = read_workspace(options.root or find_root("."), use_cache=not options.no_cache)
    if options.check:
        return _print(check(workspace), as_json=options.json)
    write(workspace.root, lambda: plan(workspace, options.upgrade or ""), dry_run=options.dry_run, force=True)
    return 0


def check(workspace: Workspace) -> list[Finding]:
    """Everything that is stale about the lock of a workspace."""
    from partita.findings import Finding

    demands = read_demands(workspace)
    lock = read_lock(workspace.root)
    if lock is None:
        remedy = "run `invoke lock` (or `partita lock`)"
        return [Finding(NOT_IN_LOCK, FILE_NAME, 0, "this workspace has no lock", remedy, FILE_NAME)]
    return check_lock(lock, demands, read_pins(_read_manifest(workspace)))


def plan(workspace: Workspace, upgrade: str) -> Plan:
    """Resolve, prove that a fresh clone comes to the same, and plan the two files. Asks the package index."""
    demands = read_demands(workspace)
    old = read_lock(workspace.root) or Lock("", (), ())
    names = {normalise(name.strip()) for name in upgrade.split(",") if name.strip()}
    unknown = sorted(names - {pin.name for pin in old.pins} - {_ALL})
    if unknown:
        raise PartitaError(f"--upgrade {','.join(unknown)}: {FILE_NAME} holds no such distribution")
    kept = () if _ALL in names else [pin for pin in old.pins if pin.name not in names]
    lock, notes = resolve(workspace, demands, kept)
    manifest = put_pins(_read_manifest(workspace), constraints_of(lock))
    fresh = {pin.requirement() for pin in resolve_afresh(workspace, manifest)}
    differing = sorted(fresh - {pin.requirement() for pin in lock.pins})
    if differing:
        raise PartitaError(f"a fresh clone would resolve to {differing[0]}, which is not what was locked")
    for line in (*notes, *_differences(old, lock)):
        print(line, file=sys.stderr)
    return plan_changes(workspace.root, {FILE_NAME: render_lock(lock).encode(), _MANIFEST: manifest.encode()})


def _differences(old: Lock, new: Lock) -> list[str]:
    """One line a distribution that moved, came or went, and one that sums up."""
    before, after = _versions(old), _versions(new)
    moved = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    lines = [f"{name} {before.get(name, 'new')} -> {after.get(name, 'gone')}" for name in moved]
    return [*lines, f"{FILE_NAME}: {len(after)} distributions, {len(lines)} changed"]


def _versions(lock: Lock) -> dict[str, str]:
    versions: dict[str, str] = {}
    for pin in lock.pins:
        versions[pin.name] = " and ".join(filter(None, (versions.get(pin.name), pin.version)))
    return versions


def _read_manifest(workspace: Workspace) -> str:
    with open(os.path.join(workspace.root, _MANIFEST), encoding="utf-8", newline="") as file:
        return file.read()


def _print(findings: list[Finding], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"schema": 1, "findings": [finding._asdict() for finding in findings]}, indent=1))
    elif not findings:
        print(f"{FILE_NAME} holds what every manifest asks for")
    for finding in () if as_json else findings:
        line = f":{finding.line}" if finding.line else ""
        print(f"{finding.file}{line}: {finding.code} {finding.message}; {finding.remedy}")
    return 1 if findings else 0

"""`scaffold`: create a member from a template; tell who has drifted from theirs; bring changes of templates in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from partita.drift import find_drift, plan_update
from partita.errors import PartitaError
from partita.naming import session_names
from partita.reports.words import count
from partita.scaffold import DEFAULT_KIND, Request, plan_member
from partita.workspace import find_root, read_workspace
from partita.writing import Plan, open_writer, refuse_pending, write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from partita.findings import Finding
    from partita.workspace import Workspace

_MODES = ("check", "update", "recover")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `scaffold`."""
    add = parser.add_argument
    add("name", nargs="?", default="", help="the new member; with --check and --update: only this one (default: all)")
    add("--kind", default=DEFAULT_KIND, help=f"template: service, library or one of yours (default: {DEFAULT_KIND})")
    add("--tier", default="", help="tier of the new member (default: the one its template names)")
    add("--requires", default="", help="members it depends on, separated by commas (default: none)")
    add("--check", action="store_true", help="report members that have drifted from their template")
    add("--update", action="store_true", help="merge what has changed in templates into their members")
    add("--recover", action="store_true", help="undo a run that was cut off, and do no more than that")
    add("--dry-run", action="store_true", help="show the changes as a patch and stop (default: write them)")
    add("--force", action="store_true", help="write over uncommitted files (default: refuse)")
    add("--json", action="store_true", help="with --check and --update: print the findings as JSON (default: text)")


def run(options: argparse.Namespace) -> int:
    """Create, check, update or recover; 1 when there is drift, or a conflict to resolve."""
    root = options.root or find_root(".")
    modes = [mode for mode in _MODES if getattr(options, mode)]
    if len(modes) > 1:
        raise PartitaError(f"--{modes[0]} and --{modes[1]} cannot be had in one run")
    if options.recover:
        return _recover(root)
    if options.check:
        refuse_pending(root)
        findings = find_drift(_read(options, root), _names(options))
        return _print(findings, "no member has drifted from its template", options)
    return _update(options, root) if options.update else _create(options, root)


def _create(options: argparse.Namespace, root: str) -> int:
    if not options.name:
        raise PartitaError("scaffold needs the name of the new member, or one of --check, --update and --recover")
    requires = tuple(name for name in map(str.strip, options.requires.split(",")) if name)
    request = Request(options.name, options.kind, options.tier, requires)
    distribution = ""

    def make_plan() -> Plan:
        nonlocal distribution
        newcomer, plan = plan_member(_read(options, root), request)
        distribution = newcomer.names.distribution
        return plan

    plan = write(root, make_plan, dry_run=options.dry_run, force=options.force)
    if not options.dry_run:
        session = session_names(_read(options, root).members)[distribution]
        sys.stdout.write(f"{_describe(plan)}next: partita check; nox -s {session}\n")
    return 0


def _update(options: argparse.Namespace, root: str) -> int:
    conflicts: Sequence[Finding] = ()

    def make_plan() -> Plan:
        nonlocal conflicts
        plan, conflicts = plan_update(_read(options, root), _names(options))
        return plan

    plan = write(root, make_plan, dry_run=options.dry_run, force=options.force)
    if options.dry_run:
        return 1 if conflicts else 0
    if not options.json:
        sys.stdout.write(_describe(plan))
    return _print(conflicts, "every member is up to date with its template", options)


def _recover(root: str) -> int:
    with open_writer(root) as writer:
        for sentence in writer.recovered or ("no run was cut off here",):
            print(sentence)
    return 0


def _read(options: argparse.Namespace, root: str) -> Workspace:
    return read_workspace(root, use_cache=not options.no_cache)


def _names(options: argparse.Namespace) -> Sequence[str]:
    return (options.name,) if options.name else ()


def _describe(plan: Plan) -> str:
    lines = []
    for change in plan.changes:
        verb = "created" if change.before is None else "removed" if change.after is None else "changed"
        lines.append(f"{verb} {change.path}\n")
    return "".join(lines)


def _print(findings: Sequence[Finding], clean: str, options: argparse.Namespace) -> int:
    if options.json:
        from partita.reports.json import render_document

        sys.stdout.write(render_document({"findings": [finding._asdict() for finding in findings]}))
        return 1 if findings else 0
    for finding in findings:
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        print(f"{place}: {finding.code} {finding.message}\n    {finding.remedy}")
    print(count(len(findings), "finding") if findings else clean)
    return 1 if findings else 0

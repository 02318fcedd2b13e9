"""`check`: every rule at once, less what is excepted or known."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from partita.errors import PartitaError
from partita.workspace import find_root, read_workspace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from partita.baseline import Entry
    from partita.checking import Found, Report, Selection
    from partita.rules.facts import Facts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    add = parser.add_argument
    add("--select", action="append", default=[], help="beginnings of codes to check, such as PT1,PT301 (default: all)")
    add("--ignore", action="append", default=[], help="beginnings of codes not to check (default: none)")
    add("--json", action="store_true", help="print JSON (default: text)")
    add("--sarif", default="", metavar="FILE", help="write the findings as SARIF, too (default: no file)")
    add("--update-baseline", action="store_true", help="write what is found to workspace-todo.toml, then check")
    add("--owner", default="", help="with --update-baseline: who owes the new entries (no default)")
    add("--reason", default="", help="with --update-baseline: why they are there (no default)")
    add("--expires", default="", metavar="DATE", help="with --update-baseline: their last day, YYYY-MM-DD (no default)")
    add("--dry-run", action="store_true", help="with --update-baseline: show the change and stop (default: write it)")
    add("--force", action="store_true", help="with --update-baseline: write over an uncommitted file (default: refuse)")


def run(options: argparse.Namespace) -> int:
    """Check, print, and return 0 when there is no finding, else 1."""
    from partita.checking import create_selection, find, judge  # every rule: nothing that other commands need
    from partita.rules.facts import Facts

    started = time.perf_counter()
    selection = create_selection(_words(options.select), _words(options.ignore))
    use_cache = not options.no_cache
    facts = Facts(read_workspace(options.root or find_root("."), use_cache=use_cache), use_cache=use_cache)
    found = find(facts, selection)
    entries = _update(options, facts, selection, found) if options.update_baseline else _read_entries(facts)
    if options.dry_run:
        return 0
    report = judge(facts, selection, found, entries, _today())
    _print(report, options, time.perf_counter() - started)
    return 1 if report.findings else 0


def _words(values: Sequence[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _today() -> str:
    return time.strftime("%Y-%m-%d")


def _read_entries(facts: Facts) -> tuple[Entry, ...]:
    from partita import baseline

    try:
        source = facts.workspace.tree.read(baseline.FILE_NAME)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise PartitaError(f"{baseline.FILE_NAME}: cannot be read: {error.strerror}") from error
    return baseline.parse_baseline(source)


def _update(options: argparse.Namespace, facts: Facts, selection: Selection, found: Found) -> tuple[Entry, ...]:
    """Write the baseline, all or nothing, and return its entries as they are then (or, on a dry run, would be)."""
    from partita import baseline
    from partita.checking import renew
    from partita.writing import Plan, plan_changes, write  # only to write

    terms = baseline.Terms(options.owner, options.reason, options.expires)
    if terms.expires:
        baseline.check_date(terms.expires, "--expires", _today())
    root = facts.workspace.root
    entries: tuple[Entry, ...] = ()

    def make_plan() -> Plan:
        nonlocal entries
        old = _read_entries(facts)
        entries = renew(facts, selection, found, old, terms)
        if not old and not entries:
            return plan_changes(root, {})
        text = baseline.render_baseline(entries)
        entries = baseline.parse_baseline(text.encode())
        return plan_changes(root, {baseline.FILE_NAME: text.encode()})

    write(root, make_plan, dry_run=options.dry_run, force=options.force)
    return entries


def _print(report: Report, options: argparse.Namespace, seconds: float) -> None:
    if options.sarif:
        from partita.reports.sarif import render_sarif, write_sarif

        write_sarif(options.sarif, render_sarif(report.findings, report.notes))
    if options.json:
        from partita.reports.findings import render_json

        sys.stdout.write(render_json(report))
    else:
        from partita.reports.findings import render_text
        from partita.reports.terminal import read_terminal

        sys.stdout.write(render_text(report, seconds, read_terminal(sys.stdout)))

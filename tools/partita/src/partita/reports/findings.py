"""What a check found: for a person at a terminal, and as JSON (`docs/reference/check.schema.json`)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from partita.baseline import FILE_NAME as BASELINE
from partita.configuration import FILE_NAME as CONFIGURATION
from partita.reports.json import render_document
from partita.reports.terminal import PLAIN, Pen, Terminal
from partita.reports.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from partita.checking import Report
    from partita.findings import Finding

_LISTED = 4  # further places of one and the same finding


def render_text(report: Report, seconds: float, terminal: Terminal = PLAIN) -> str:
    """Findings by file, each with the next step; then what was checked.

    What asks for the same step about the same thing is told once, at its first place, with the others listed.
    """
    pen = Pen(terminal)
    blocks = [_block(group, pen) for _, group in groupby(_fold(report.findings), lambda folded: folded[0].file)]
    blocks += [_note(notes, pen) for notes in _by_code(report.notes)]
    return "\n\n".join([*blocks, pen.bold(_summary(report)) + f"\n{_checked(report, seconds)}\n"])


def render_json(report: Report) -> str:
    """Everything, one finding a line, in the same order whatever the day or the machine."""
    return render_document(
        {"findings": list(map(_plain, report.findings)), "notes": list(map(_plain, report.notes))},
        {
            "known": report.known,
            "allowed": report.allowed,
            "checked": {"members": report.members, "modules": report.modules, "rules": report.rules},
        },
    )


Folded = tuple["Finding", list["Finding"]]


def _fold(findings: Iterable[Finding]) -> list[Folded]:
    """Findings that ask for the same step about the same thing, as one with its further places."""
    folded: dict[tuple[str, ...], Folded] = {}
    for finding in findings:
        key = (finding.code, finding.subject, finding.remedy, finding.message if not finding.subject else "")
        folded.setdefault(key, (finding, []))[1].append(finding)
    return [(first, places[1:]) for first, places in folded.values()]


def _block(folded: Iterable[Folded], pen: Pen) -> str:
    return "\n".join(line for first, others in folded for line in _lines(first, others, pen))


def _lines(finding: Finding, others: Sequence[Finding], pen: Pen) -> Iterator[str]:
    yield pen.plain(f"{_place(finding)}: {finding.code} {finding.message}")
    if others:
        listed = ", ".join(map(_place, others[:_LISTED]))
        more = f" and {len(others) - _LISTED} more" if len(others) > _LISTED else ""
        yield "    " + pen.dim(pen.plain(f"also: {listed}{more}"))
    if finding.remedy:
        yield "    " + pen.dim(pen.plain(finding.remedy))


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _by_code(notes: Iterable[Finding]) -> list[list[Finding]]:
    return [list(group) for _, group in groupby(sorted(notes, key=lambda note: note.code), lambda note: note.code)]


def _note(notes: Sequence[Finding], pen: Pen) -> str:
    more = f" ({len(notes) - 1:,} more with this code; --json lists them)" if len(notes) > 1 else ""
    return pen.dim(pen.plain(f"note: {_place(notes[0])}: {notes[0].code} {notes[0].message}{more}"))


def _summary(report: Report) -> str:
    files = len({finding.file for finding in report.findings})
    found = f"{count(len(report.findings), 'finding')} in {count(files, 'file')}" if files else "no findings"
    if report.known:
        found += f"; {report.known:,} known in {BASELINE}"
    if report.allowed:
        found += f"; {report.allowed:,} excepted in {CONFIGURATION}"
    return found


def _checked(report: Report, seconds: float) -> str:
    modules = "" if report.modules is None else f", {count(report.modules, 'module')}"
    return f"checked {count(report.members, 'member')}{modules} by {count(report.rules, 'rule')} in {seconds:.1f} s"


def _plain(finding: Finding) -> dict[str, object]:
    return dict(zip(finding._fields, finding, strict=True))

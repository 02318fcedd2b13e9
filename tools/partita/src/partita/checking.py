"""One check of a workspace: run the selected rules, take off what is excepted or known, report the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.baseline import compare, update
from partita.errors import PartitaError
from partita.findings import DUPLICATE_MODULE, DUPLICATE_NAME, DYNAMIC_DEPENDENCIES, INVALID_NAME, LEGACY_MANIFEST
from partita.rules import CODES, RULES
from partita.rules.exceptions import apply_exceptions
from partita.rules.undeclared import THIRD_PARTY, UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from partita.baseline import Entry, Terms
    from partita.findings import Finding
    from partita.rules.facts import Facts

#: Problems that a repository may have for good reasons. Where nothing is configured they do not fail a check.
_TOLERATED = frozenset({INVALID_NAME, DUPLICATE_NAME, LEGACY_MANIFEST, DYNAMIC_DEPENDENCIES, DUPLICATE_MODULE})


class Selection(NamedTuple):
    """Which codes are checked: those that begin with one of `select`, but with none of `ignore`."""

    select: tuple[str, ...] = ("PT",)
    ignore: tuple[str, ...] = ()

    def includes(self, code: str) -> bool:
        """Whether this code is checked."""
        return code.startswith(self.select) and not code.startswith(self.ignore)


class Found(NamedTuple):
    """What the rules say. Notes never fail a check: they tell what could not be judged, or need not be mended."""

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    rules: int


class Report(NamedTuple):
    """What a check comes to. Findings fail it; findings and notes are sorted by place.

    `known` findings are covered by the baseline, `allowed` ones by an exception. `modules` is None when no rule
    needed the sources.
    """

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    known: int
    allowed: int
    members: int
    modules: int | None
    rules: int


def create_selection(select: Iterable[str], ignore: Iterable[str]) -> Selection:
    """A selection from beginnings of codes; none selected means all. Raises PartitaError for those that fit no code."""
    selected, ignored = tuple(select), tuple(ignore)
    unknown = [word for word in (*selected, *ignored) if not any(code.code.startswith(word) for code in CODES)]
    if unknown:
        raise PartitaError(*(f"no code of a rule begins with {word!r}; codes look like PT301" for word in unknown))
    return Selection(selected or ("PT",), ignored)


def find(facts: Facts, selection: Selection) -> Found:
    """Run every rule that has a selected code. What could not be read on the way is at least noted."""
    findings: list[Finding] = []
    notes: list[Finding] = []
    rules = [rule for rule in RULES if any(selection.includes(code.code) for code in rule.codes)]
    for finding in (finding for rule in rules for finding in rule.find(facts)):
        if selection.includes(finding.code):
            (notes if _is_note(finding, facts) else findings).append(finding)
    unselected = (problem for problem in facts.problems_met() if not selection.includes(problem.code))
    notes += [problem for problem in unselected if not problem.code.startswith(selection.ignore)]
    return Found(tuple(sorted(findings, key=_place)), tuple(sorted(notes, key=_place)), len(rules))


def judge(facts: Facts, selection: Selection, found: Found, entries: Sequence[Entry], today: str) -> Report:
    """Take off what is excepted or in the baseline on this day (YYYY-MM-DD).

    What cannot be decided here may be a finding where more is installed, so it keeps its exception and its entry.
    """
    possible = _read_possible(found)
    exceptions = facts.workspace.configuration.exceptions
    excepted = apply_exceptions((*found.findings, *possible), exceptions, today, selection.includes)
    compared = compare(excepted.findings, entries, today, selection.includes)
    places = {finding[:3] for finding in possible}
    certain = (finding for finding in compared.findings if finding[:3] not in places)
    return Report(
        tuple(sorted((*certain, *excepted.wrong), key=_place)),
        found.notes,
        compared.known,
        excepted.allowed,
        len(facts.workspace.members),
        facts.count_modules(),
        found.rules,
    )


def renew(
    facts: Facts, selection: Selection, found: Found, entries: Sequence[Entry], terms: Terms
) -> tuple[Entry, ...]:
    """The baseline that covers what is found now and not excepted. Raises PartitaError as `baseline.update` does."""
    known = {entry.identity for entry in entries}
    possible = [finding for finding in _read_possible(found) if (finding.code, finding.file, finding.subject) in known]
    exceptions = facts.workspace.configuration.exceptions
    excepted = apply_exceptions((*found.findings, *possible), exceptions, "", selection.includes)
    return update(excepted.findings, entries, terms, selection.includes)


def _read_possible(found: Found) -> tuple[Finding, ...]:
    """Undecided imports as the findings that they would be if nothing declared provides them."""
    return tuple(note._replace(code=THIRD_PARTY.code) for note in found.notes if note.code == UNDECIDED.code)


def _is_note(finding: Finding, facts: Facts) -> bool:
    return finding.code == UNDECIDED.code or (finding.code in _TOLERATED and not facts.workspace.configured)


def _place(finding: Finding) -> tuple[str, int, str, str]:
    return (finding.file, finding.line, finding.code, finding.message)

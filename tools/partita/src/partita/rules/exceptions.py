"""Exceptions of `workspace.toml`: each has a reason, an owner and an end, and one that excepts nothing is a finding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from partita.configuration import FILE_NAME
from partita.findings import Finding
from partita.rules.rule import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from partita.configuration import Allowance

UNUSED = Code("PT901", "an exception excepts nothing")
EXPIRED = Code("PT902", "an exception has expired")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


class Excepted(NamedTuple):
    """`findings` are those that no exception covers, `allowed` counts the others, `wrong` is about the exceptions."""

    findings: tuple[Finding, ...]
    allowed: int
    wrong: tuple[Finding, ...]


def apply_exceptions(
    findings: Iterable[Finding], exceptions: Sequence[Allowance], today: str, is_checked: Callable[[str], bool]
) -> Excepted:
    """Take excepted findings off. An expired exception still covers, so that there is one thing to mend, not two.

    The subject of an exception is that of the finding; `*` in it stands for anything. Exceptions from codes that are
    not checked now are left alone.
    """
    checked = [(item, _pattern(item.subject)) for item in exceptions if is_checked(item.code)]
    used: set[Allowance] = set()
    kept = []
    allowed = 0
    for finding in findings:
        covering = {item for item, subject in checked if item.code == finding.code and subject.match(finding.subject)}
        used |= covering
        allowed += bool(covering)
        if not covering:
            kept.append(finding)
    wrong = [_unused(item) for item, _ in checked if item not in used]
    wrong += [_expired(item) for item, _ in checked if item in used and _DATE.match(item.until) and item.until < today]
    return Excepted(tuple(kept), allowed, tuple(wrong))


def _pattern(subject: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, subject.split("*"))) + r"\Z", re.DOTALL)


def _unused(item: Allowance) -> Finding:
    message = f"the exception from {item.code} for {item.subject!r} excepts nothing"
    remedy = f"remove it from {FILE_NAME}, or correct its subject: it is told with the finding by --json"
    return Finding(UNUSED.code, FILE_NAME, item.line, message, remedy, f"{item.code} {item.subject}")


def _expired(item: Allowance) -> Finding:
    message = f"the exception from {item.code} for {item.subject!r} ended on {item.until}; it was made because: "
    remedy = f"mend what it excepts and remove it, or agree on a later end with {item.owner}"
    return Finding(EXPIRED.code, FILE_NAME, item.line, message + item.reason, remedy, f"{item.code} {item.subject}")

"""`workspace-todo.toml`: findings that are known and owed, so that an old repository can start today.

One violation is one line, and the lines are sorted, so two branches that each add or pay one seldom conflict; with
`workspace-todo.toml merge=union` in `.gitattributes` they never do. Pure: bytes and values in, values and text out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import PartitaError
from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FILE_NAME = "workspace-todo.toml"
STALE_ENTRY = "PT911"
EXPIRED_ENTRY = "PT912"

_UPDATE = "partita check --update-baseline"
_KEYS = ("code", "file", "subject", "count", "owner", "reason", "expires")
_OPTIONAL = ("count", "subject")
_LINE = re.compile(r"\(at line (\d+)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_HEADER = """\
# Findings that are known and owed. `partita check` fails on new ones, on entries whose finding is gone, and on
# entries that have expired. `partita check --update-baseline` writes this file; owner, reason and expires may be
# edited by hand. With `workspace-todo.toml merge=union` in .gitattributes, merges never conflict.
"""

Identity = tuple[str, str, str]


class Terms(NamedTuple):
    """Who owes a finding, why it is still there, and the last day (YYYY-MM-DD) on which that is accepted."""

    owner: str
    reason: str
    expires: str


class Entry(NamedTuple):
    """One line of the baseline: so many findings (`times`) of one code about one subject in one file.

    There is no line number of the source in it, so that it survives edits elsewhere in the file. `line` is the
    entry's own.
    """

    code: str
    file: str
    subject: str
    times: int
    terms: Terms
    line: int = 0

    @property
    def identity(self) -> Identity:
        """What a finding must have in common with an entry."""
        return (self.code, self.file, self.subject)


class Comparison(NamedTuple):
    """`findings` are those that the baseline does not cover, and what is wrong with the baseline itself."""

    findings: tuple[Finding, ...]
    known: int


def parse_baseline(source: bytes) -> tuple[Entry, ...]:
    """Entries in the order of the file. Raises PartitaError with one sentence a problem."""
    import tomli  # not needed where there is no baseline

    try:
        text = source.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise PartitaError(f"{FILE_NAME}:{line}: the file is not UTF-8; save it as UTF-8") from error
    try:
        document = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError) as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise PartitaError(f"{FILE_NAME}:{line}: not valid TOML: {error}") from error
    return _Reader(document, text).read()


def compare(
    findings: Iterable[Finding], entries: Sequence[Entry], today: str, is_checked: Callable[[str], bool]
) -> Comparison:
    """Take known findings off, and report entries that are stale or expired on `today` (YYYY-MM-DD).

    An entry covers as many findings as it counts: one more, and all of its place are told, since nobody can say which
    one is new. Entries of codes that are not checked now are left alone.
    """
    places = _by_identity(findings)
    counts: dict[Identity, int] = {}
    reported: list[Finding] = []
    for entry in entries:
        if not is_checked(entry.code):
            continue
        if entry.identity in counts:
            reported.append(_stale(entry, "stands here a second time"))
            counts[entry.identity] = max(entry.times, counts[entry.identity])
            continue
        counts[entry.identity] = entry.times
        left = len(places.get(entry.identity, ()))
        if left < entry.times:
            told = "is gone" if not left else f"counts {entry.times}, and only {left} of them are left"
            reported.append(_stale(entry, told))
        if left and entry.terms.expires < today:
            reported.append(_expired(entry))
    known = 0
    for identity, found in places.items():
        count = counts.get(identity, 0)
        if len(found) <= count:
            known += len(found)
        else:
            reported += [_surplus(finding, len(found), count) for finding in found]
    return Comparison(tuple(reported), known)


def update(
    findings: Iterable[Finding], entries: Sequence[Entry], terms: Terms, is_checked: Callable[[str], bool]
) -> tuple[Entry, ...]:
    """The baseline that covers exactly these findings, sorted.

    Entries that stay keep their terms, new ones get `terms`, entries of codes that are not checked now stay as they
    are. Raises PartitaError when there are new ones and the terms are incomplete.
    """
    kept = {entry.identity: entry for entry in reversed(entries)}
    places = _by_identity(findings)
    new = [identity for identity in places if identity not in kept]
    missing = [f"--{name}" for name, value in zip(Terms._fields, terms, strict=True) if not value.strip()]
    if new and missing:
        raise PartitaError(
            f"{len(new)} new {'entry needs' if len(new) == 1 else 'entries need'} {', '.join(missing)}: whoever adds "
            f"a debt says who owes it, why, and until when (YYYY-MM-DD)"
        )
    updated = [entry for entry in kept.values() if not is_checked(entry.code)]
    for identity, found in places.items():
        agreed = kept[identity].terms if identity in kept else terms
        updated.append(Entry(*identity, len(found), agreed))
    return tuple(sorted(entry._replace(line=0) for entry in updated))


def render_baseline(entries: Iterable[Entry]) -> str:
    """The whole file."""
    lines = [_render_entry(entry) for entry in sorted(entries)]
    return "\n".join([_HEADER + "todo = [", *lines, "]", ""])


def check_date(text: str, where: str, today: str) -> None:
    """Raise PartitaError unless this is a day in the future, as YYYY-MM-DD."""
    from datetime import date  # only when a baseline is written

    try:
        valid = bool(_DATE.match(text)) and bool(date.fromisoformat(text))
    except ValueError:
        valid = False
    if not valid:
        raise PartitaError(f"{where} {text!r} is no date; write it as YYYY-MM-DD")
    if text < today:
        raise PartitaError(f"{where} {text} has passed already; today is {today}")


def _by_identity(findings: Iterable[Finding]) -> dict[Identity, list[Finding]]:
    places: dict[Identity, list[Finding]] = {}
    for finding in sorted(findings):
        places.setdefault((finding.code, _plain(finding.file), _plain(finding.subject)), []).append(finding)
    return places


def _plain(text: str) -> str:
    """File names may hold bytes that are no UTF-8; TOML may not."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _stale(entry: Entry, told: str) -> Finding:
    message = f"stale entry: {_described(entry)} {told}"
    remedy = f"run {_UPDATE}, or take the line out" if entry.times == 1 else f"run {_UPDATE}"
    return Finding(STALE_ENTRY, FILE_NAME, entry.line, message, remedy, " ".join(entry.identity))


def _expired(entry: Entry) -> Finding:
    message = f"{_described(entry)} was accepted until {entry.terms.expires} only, because: {entry.terms.reason}"
    remedy = f"mend it, or agree on a later date with {entry.terms.owner} and write it in this line"
    return Finding(EXPIRED_ENTRY, FILE_NAME, entry.line, message, remedy, " ".join(entry.identity))


def _described(entry: Entry) -> str:
    return f"{entry.code} in {entry.file}" + (f" ({entry.subject})" if entry.subject else "")


def _surplus(finding: Finding, found: int, count: int) -> Finding:
    if not count:
        return finding
    return finding._replace(message=f"{finding.message} (found {found} times here, {FILE_NAME} covers {count})")


def _render_entry(entry: Entry) -> str:
    fields = [("code", entry.code), ("file", entry.file), ("subject", entry.subject)]
    parts = [f"{key} = {_quoted(value)}" for key, value in fields]
    if entry.times != 1:
        parts.append(f"count = {entry.times}")
    parts += [f"owner = {_quoted(entry.terms.owner)}", f"reason = {_quoted(entry.terms.reason)}"]
    return f"  {{ {', '.join(parts)}, expires = {entry.terms.expires} }},"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are valid there, but DEL needs one, too."""
    return json.dumps(_plain(text), ensure_ascii=False).replace("\x7f", "\\u007f")


class _Reader:
    def __init__(self, document: dict[str, Any], text: str) -> None:
        self.document = document
        self.lines = [number for number, line in enumerate(text.split("\n"), 1) if line.lstrip().startswith("{")]
        self.problems: list[str] = []

    def read(self) -> tuple[Entry, ...]:
        for key in self.document:
            if key != "todo":
                self.tell(0, f"unknown key {key!r}; known: todo")
        items = self.document.get("todo", [])
        if not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
            raise PartitaError(f"{FILE_NAME}: todo is not a list of tables in braces, one a line")
        entries = [self.entry(item, self.line(number)) for number, item in enumerate(items)]
        if self.problems:
            raise PartitaError(*self.problems)
        return tuple(entries)

    def entry(self, item: dict[str, Any], line: int) -> Entry:
        for key in item:
            if key not in _KEYS:
                self.tell(line, f"unknown key {key!r}; known: {', '.join(_KEYS)}")
        for key in _KEYS:
            if key not in item and key not in _OPTIONAL:
                self.tell(line, f"{key} is missing")
        code, file, owner, reason = (self.text(item, key, line) for key in ("code", "file", "owner", "reason"))
        subject = item.get("subject", "")
        if not isinstance(subject, str):
            self.tell(line, "subject is not a text")
        count = item.get("count", 1)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            self.tell(line, "count is not a whole number above 0")
        return Entry(code, file, subject, count, Terms(owner, reason, self.expires(item, line)), line)

    def text(self, item: dict[str, Any], key: str, line: int) -> str:
        value = item.get(key, "-")
        if isinstance(value, str) and value.strip():
            return value
        self.tell(line, f"{key} is not a text with something in it")
        return ""

    def expires(self, item: dict[str, Any], line: int) -> str:
        """A TOML date, or the same as a text."""
        value = str(item.get("expires", "9999-01-01"))
        if not _DATE.match(value):
            self.tell(line, f"expires is {value!r}; write a date such as 2027-01-31, without quotes")
        return value

    def line(self, number: int) -> int:
        """Where the entry of this number stands, when each has a line of its own."""
        return self.lines[number] if len(self.lines) > number else 0

    def tell(self, line: int, sentence: str) -> None:
        place = f"{FILE_NAME}:{line}" if line else FILE_NAME
        self.problems.append(f"{place}: {sentence}")

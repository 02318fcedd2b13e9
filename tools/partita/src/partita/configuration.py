"""`workspace.toml`: the partition itself. Read, checked whole, and every problem told at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import PartitaError
from partita.manifest import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partita.tree import Tree

FILE_NAME = "workspace.toml"

_TOP_KEYS = ("schema", "tier", "exception", "import-names", "scaffold")
_TIER_KEYS = ("name", "members", "uses", "independent")
_EXCEPTION_KEYS = ("code", "subject", "reason", "owner", "until")
_SCAFFOLD_KEYS = ("templates", "folder", "distribution", "import", "tier", "application")


class Tier(NamedTuple):
    """A level of the partition. `uses` names the tiers its members may depend on besides their own.

    Members of an `independent` tier never import each other; a declared dependency is used through what lies below.
    """

    name: str
    members: tuple[str, ...]
    uses: tuple[str, ...]
    independent: bool


class Allowance(NamedTuple):
    """An exception to a rule: it has a reason and an owner, and ends at a date or with a condition."""

    code: str
    subject: str
    reason: str
    owner: str
    until: str
    line: int


class Configuration(NamedTuple):
    """What `workspace.toml` says. Tiers stand in their order, lowest first."""

    tiers: tuple[Tier, ...] = ()
    exceptions: tuple[Allowance, ...] = ()
    import_names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    scaffold: tuple[tuple[str, str], ...] = ()
    member_lines: tuple[tuple[str, int], ...] = ()

    def tier(self, name: str) -> Tier | None:
        """The tier of this name."""
        return next((tier for tier in self.tiers if tier.name == name), None)


def read_configuration(tree: Tree) -> Configuration | None:
    """The configuration of this repository, None when it has none. Raises PartitaError with every problem."""
    try:
        source = tree.read(FILE_NAME)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PartitaError(f"{FILE_NAME}: cannot be read: {error.strerror}") from error
    return parse_configuration(source)


def parse_configuration(source: bytes) -> Configuration:
    """Pure: bytes in, a checked value out. Raises PartitaError with one sentence a problem."""
    import tomli  # not needed without a workspace.toml

    try:
        text = source.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise PartitaError(f"{FILE_NAME}:{line}: the file is not UTF-8; save it as UTF-8") from error
    try:
        document = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise PartitaError(f"{FILE_NAME}:{line}: not valid TOML: {error}") from error
    return _Checker(document, text).check()


def check_members(configuration: Configuration, names: Iterable[str]) -> list[str]:
    """What is wrong between the tiers and the members that exist: one sentence a name."""
    known = set(names)
    return [
        f"{FILE_NAME}:{line}: {member!r} is no member of this workspace{_nearest(member, known)}"
        for member, line in sorted(configuration.member_lines, key=lambda item: item[1])
        if member not in known
    ]


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib  # only on the way to an error

    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _is_date(text: str) -> bool:
    from datetime import date  # only where an exception ends at a date

    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


class _Checker:
    def __init__(self, document: dict[str, Any], text: str) -> None:
        self.document = document
        self.lines = text.split("\n")
        self.problems: list[str] = []

    def check(self) -> Configuration:
        self.check_keys(self.document, _TOP_KEYS, "", 0)
        schema = self.document.get("schema", 1)
        if schema != 1:
            self.tell(self.line_of("schema"), f"schema {schema!r} is unknown; this version of Partita reads schema 1")
        tiers, member_lines = self.tiers()
        configuration = Configuration(tiers, self.exceptions(), self.import_names(), self.scaffold(), member_lines)
        if self.problems:
            raise PartitaError(*self.problems)
        return configuration

    def tiers(self) -> tuple[tuple[Tier, ...], tuple[tuple[str, int], ...]]:
        tiers: list[Tier] = []
        places: dict[str, tuple[str, int]] = {}
        for number, (table, line) in enumerate(self.tables("tier")):
            self.check_keys(table, _TIER_KEYS, "[[tier]] ", line)
            name = self.text(table, "name", "[[tier]]", line)
            lower = tuple(tier.name for tier in tiers)
            if name in lower:
                self.tell(line, f"tier {name!r} is declared twice; merge the two")
            end = self.header_line("tier", number + 1) or len(self.lines) + 1
            for written in self.strings(table, "members", line):
                member, place = normalise(written), self.line_of_text(written, line, end)
                if member in places:
                    self.tell(
                        place,
                        f"{member!r} stands in tier {name!r} and on line {places[member][1]} in tier "
                        f"{places[member][0]!r}; a member has one tier",
                    )
                places.setdefault(member, (name, place))
            uses = tuple(self.strings(table, "uses", line)) if "uses" in table else lower
            members = tuple(sorted(map(normalise, self.strings(table, "members", line))))
            tiers.append(Tier(name, members, uses, self.flag(table, "independent", line)))
        names = {tier.name for tier in tiers}
        for tier, (_, line) in zip(tiers, self.tables("tier"), strict=True):
            for used in tier.uses:
                if used not in names:
                    place = self.line_of_text(used, line)
                    self.tell(place, f"tier {tier.name!r} uses {used!r}: no such tier{_nearest(used, names)}")
        return tuple(tiers), tuple((member, place[1]) for member, place in sorted(places.items()))

    def exceptions(self) -> tuple[Allowance, ...]:
        found = []
        for table, line in self.tables("exception"):
            self.check_keys(table, _EXCEPTION_KEYS, "[[exception]] ", line)
            code, *others = (self.text(table, key, "[[exception]]", line) for key in _EXCEPTION_KEYS)
            if code and not re.fullmatch(r"PT\d{3}", code):
                self.tell(line, f"[[exception]] code {code!r} is no code of a rule; codes look like PT201")
            subject, reason, owner, until = others
            if re.match(r"\d{4}-", until) and not _is_date(until):
                self.tell(
                    self.line_of("until", line), f"[[exception]] until {until!r} is no date; dates look like 2027-01-31"
                )
            found.append(Allowance(code, subject, reason, owner, until, line))
        return tuple(found)

    def import_names(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        table = self.table("import-names")
        line = self.line_of("[import-names]")
        return tuple((normalise(name), tuple(self.strings(table, name, line))) for name in sorted(table))

    def scaffold(self) -> tuple[tuple[str, str], ...]:
        table = self.table("scaffold")
        line = self.line_of("[scaffold]")
        self.check_keys(table, _SCAFFOLD_KEYS, "[scaffold] ", line)
        return tuple((key, self.text(table, key, "[scaffold]", line)) for key in _SCAFFOLD_KEYS if key in table)

    def check_keys(self, table: dict[str, Any], known: tuple[str, ...], where: str, start: int) -> None:
        for key in table:
            if key not in known:
                line = self.line_of(key, start)
                self.tell(line, f"{where}unknown key {key!r}{_nearest(key, known) or '; known: ' + ', '.join(known)}")

    def text(self, table: dict[str, Any], key: str, where: str, line: int) -> str:
        value = table.get(key)
        if isinstance(value, str) and value.strip():
            return value
        told = "is missing" if value is None else "is not a text with something in it"
        self.tell(self.line_of(key, line) if key in table else line, f"{where} {key} {told}")
        return ""

    def flag(self, table: dict[str, Any], key: str, line: int) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.tell(self.line_of(key, line), f"{key} is neither true nor false")
        return value is True

    def strings(self, table: dict[str, Any], key: str, line: int) -> list[str]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return value
        self.tell(self.line_of(key, line), f"{key} is not a list of names")
        return []

    def table(self, key: str) -> dict[str, Any]:
        value = self.document.get(key, {})
        if isinstance(value, dict):
            return value
        self.tell(self.line_of(key), f"{key} is not a table; write [{key}]")
        return {}

    def tables(self, key: str) -> list[tuple[dict[str, Any], int]]:
        value = self.document.get(key, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return [(table, self.header_line(key, number)) for number, table in enumerate(value)]
        self.tell(self.line_of(key), f"{key} is not a list of tables; write [[{key}]]")
        return []

    def header_line(self, key: str, number: int) -> int:
        lines = [place for place, line in enumerate(self.lines, 1) if line.split("#")[0].strip() == f"[[{key}]]"]
        return lines[number] if number < len(lines) else 0

    def line_of(self, text: str, start: int = 1, end: int | None = None) -> int:
        """The first line from `start` on that holds `text` outside a comment; `start` when none does."""
        for place in range(max(start, 1), end or len(self.lines) + 1):
            if text in self.lines[place - 1].split("#")[0]:
                return place
        return max(start, 1)

    def line_of_text(self, text: str, start: int, end: int | None = None) -> int:
        """The line of a quoted text, whichever quotes it has."""
        double = self.line_of(f'"{text}"', start, end)
        return double if f'"{text}"' in self.lines[double - 1] else self.line_of(f"'{text}'", start, end)

    def tell(self, line: int, sentence: str) -> None:
        problem = f"{FILE_NAME}:{line}: {sentence}"
        if problem not in self.problems:
            self.problems.append(problem)

"""Edits of TOML files that keep every other byte: comments, blank lines, order, line ends, a byte order mark.

tomlkit only tells *where* a value stands. The text is cut and joined there, so nothing around it is ever rendered
anew, and each result is parsed again and compared with the change that was asked for. What cannot be done that way
is refused: a file that a person wrote is worth more than an edit.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect
from itertools import pairwise
from typing import Any

import tomli
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, AoT, InlineTable, Table

from partita.errors import PartitaError

#: Where a value stands: keys, and positions in arrays of tables.
Path = tuple[str | int, ...]

#: What can be written: texts, flags, whole numbers, lists of those and, as inline tables, mappings.
Value = str | bool | int | list[Any] | dict[str, Any]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_REST_OF_LINE = re.compile(r"[ \t]*(,?)[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_INDENT = re.compile(r"[ \t]*")


def add_to_array(source: bytes, path: Path, item: str, file: str) -> bytes:
    """Add a text to the array at `path`: at its place when the array is sorted, else last.

    An array with one item a line gets a line; one that does not exist is made. Nothing changes when the item is there
    already. `file` is only named in the PartitaError that is raised when there is no way to add to it.
    """
    document = _Document(source, file)
    if not document.has(path):
        return set_value(source, path, [item], file)
    items = document.value(path)
    if not isinstance(items, list):
        raise document.refusal(path, "is no array")
    if item in items:
        return source
    index = bisect([_order(known) for known in items], _order(item)) if _is_sorted(items) else len(items)
    wanted = [*items[:index], item, *items[index:]]
    return document.finish(_insert_item(document, path, index, render(item)), path, wanted)


def set_value(source: bytes, path: Path, value: Value, file: str, comment: str = "") -> bytes:
    """Give the key at `path` this value: in place of the old one, else on a line of its own in its table.

    Among sorted keys the line stands at its place, else last. A table that does not exist is added at the end of the
    file, below `comment`. `file` is only named in the PartitaError that is raised when this cannot be done.
    """
    document = _Document(source, file)
    if document.has(path):
        if _typed(document.value(path)) == _typed(value):
            return source
        start, end = document.locate(path)
        return document.finish(document.text[:start] + render(value) + document.text[end:], path, value)
    line = f"{_render_key(path[-1])} = {render(value)}"
    table = document.item(path[:-1]) if document.has(path[:-1]) else None
    if table is not None and not isinstance(document.value(path[:-1]), dict):
        raise document.refusal(path[:-1], "is no table")
    if isinstance(table, InlineTable):
        text = _insert_inline(document, path[:-1], line, table)
    elif table is not None:
        text = _insert_key(document, path, line, table, comment)
    else:
        text = _append_table(document, path[:-1], line, comment)
    return document.finish(text, path, value)


def render(value: Value) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_render_key(key)} = {render(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(render, value))}]"
    return tomlkit.item(value).as_string()


class _Document:
    """One parsed file: its text, its line ends, its data, and where things stand in it."""

    def __init__(self, source: bytes, file: str) -> None:
        self.file = file
        try:
            text = source.decode()
            self.mark = text[:1] if text.startswith("\ufeff") else ""
            self.text = text.removeprefix("\ufeff")
            self.data: dict[str, Any] = tomli.loads(self.text)
            tomlkit.parse(self.text)
        except UnicodeDecodeError as error:
            line = source.count(b"\n", 0, error.start) + 1
            raise PartitaError(f"{file}:{line}: the file is not UTF-8; save it as UTF-8") from error
        except (tomli.TOMLDecodeError, TOMLKitError, RecursionError) as error:
            raise PartitaError(f"{file}: not valid TOML: {error}") from error
        self.newline = "\r\n" if "\r\n" in self.text else "\n"

    def value(self, path: Path) -> Any:
        """The plain value at a path. Raises LookupError or TypeError when there is none."""
        return _walk(self.data, path)

    def has(self, path: Path) -> bool:
        try:
            self.value(path)
        except (KeyError, IndexError, TypeError):
            return False
        return True

    def item(self, path: Path) -> Any:
        """What tomlkit makes of the value at a path."""
        return _walk(tomlkit.parse(self.text), path)

    def locate(self, path: Path) -> tuple[int, int]:
        """Where in the text the value at a path begins and ends."""
        mark = "@"
        while mark in self.text:
            mark += "@"
        document = tomlkit.parse(self.text)
        try:
            _walk(document, path[:-1])[path[-1]] = mark
            head, _, tail = tomlkit.dumps(document).partition(f'"{mark}"')
        except (TOMLKitError, LookupError, TypeError, ValueError) as error:
            raise self.refusal(path, "cannot be told from what stands around it") from error
        start, end = len(head), len(self.text) - len(tail)
        if start > end or self.text[:start] != head or self.text[end:] != tail:
            raise self.refusal(path, "cannot be told from what stands around it")
        return start, end

    def line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def indent(self, place: int) -> str:
        """The blanks that the line of this place begins with."""
        found = _INDENT.match(self.text, self.line_start(place))
        return found[0] if found else ""

    def is_first_on_line(self, place: int) -> bool:
        return self.line_start(place) + len(self.indent(place)) == place

    def finish(self, text: str, path: Path, value: Value) -> bytes:
        """The edited file, when it is what was asked for. Raises PartitaError otherwise."""
        try:
            found = tomli.loads(text)
        except tomli.TOMLDecodeError as error:
            raise self.refusal(path, "cannot be edited without breaking the file") from error
        wanted = copy.deepcopy(self.data)
        holder: Any = wanted
        for key in path[:-1]:
            holder = holder.setdefault(key, {}) if isinstance(key, str) else holder[key]
        holder[path[-1]] = value
        if _typed(found) != _typed(wanted):
            raise self.refusal(path, "cannot be edited without changing something else")
        return (self.mark + text).encode()

    def refusal(self, path: Path, why: str) -> PartitaError:
        name = ".".join(str(key) for key in path)
        return PartitaError(f"{self.file}: {name} {why}; edit it by hand")


def _insert_item(document: _Document, path: Path, index: int, item: str) -> str:
    """The text with one more item in an array, written as its neighbours are."""
    text, newline = document.text, document.newline
    if not document.value(path):
        start, end = document.locate(path)
        closing = end - 1
        if "\n" not in text[start:end]:
            return f"{text[:start]}[{item}]{text[end:]}"
        outer = document.line_start(closing)
        return f"{text[:outer]}{document.indent(closing)}  {item},{newline}{text[outer:]}"
    if index == 0:
        place, _ = document.locate((*path, 0))
        separator = newline + document.indent(place) if document.is_first_on_line(place) else " "
        return f"{text[:place]}{item},{separator}{text[place:]}"
    start, end = document.locate((*path, index - 1))
    rest = _REST_OF_LINE.match(text, end)
    is_last = index == len(document.value(path))
    if rest is None or not (rest[1] or is_last):
        return f"{text[:end]}, {item}{text[end:]}"
    if not document.is_first_on_line(start) and not is_last:
        start, _ = document.locate((*path, index))
    comma = "" if rest[1] else ","
    line = f"{document.indent(start)}{item}{',' if rest[1] else ''}{newline}"
    return f"{text[:end]}{comma}{text[end : rest.end()]}{line}{text[rest.end() :]}"


def _insert_inline(document: _Document, path: Path, pair: str, table: InlineTable) -> str:
    if not table:
        start, end = document.locate(path)
        return f"{document.text[:start]}{{ {pair} }}{document.text[end:]}"
    _, end = document.locate((*path, list(table)[-1]))
    return f"{document.text[:end]}, {pair}{document.text[end:]}"


def _insert_key(document: _Document, path: Path, line: str, table: Any, comment: str) -> str:
    """The text with one more line in a table that exists."""
    own = [key for key, item in table.items() if not isinstance(item, (Table, AoT)) and not _is_proxy(item)]
    text, newline = document.text, document.newline
    if not own:
        return _insert_first_key(document, path[:-1], line, comment)
    earlier = [key for key in own if key < str(path[-1])] if own == sorted(own) else own
    if not earlier:
        place = document.line_start(document.locate((*path[:-1], own[0]))[0])
        return f"{text[:place]}{document.indent(place)}{line}{newline}{text[place:]}"
    start, end = document.locate((*path[:-1], earlier[-1]))
    rest = _REST_OF_LINE.match(text, end)
    if rest is None:
        raise document.refusal(path, "has no line of its own to stand on")
    break_before = "" if text[: rest.end()].endswith("\n") else newline
    return f"{text[: rest.end()]}{break_before}{document.indent(start)}{line}{newline}{text[rest.end() :]}"


def _insert_first_key(document: _Document, path: Path, line: str, comment: str) -> str:
    """The text with a line below the header of a table that has no keys of its own yet."""
    if not path:
        return f"{line}{document.newline}{document.text}"
    *keys, last = path
    index = last if isinstance(last, int) else 0
    name = r"[ \t]*\.[ \t]*".join(_match_key(key) for key in (keys if isinstance(last, int) else path))
    header = rf"\[\[[ \t]*{name}[ \t]*\]\]" if isinstance(last, int) else rf"\[[ \t]*{name}[ \t]*\]"
    found = list(re.finditer(rf"^[ \t]*{header}[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)", document.text, re.MULTILINE))
    if index >= len(found):
        return _append_table(document, path, line, comment)
    end = found[index].end()
    break_before = "" if document.text[:end].endswith("\n") else document.newline
    return f"{document.text[:end]}{break_before}{line}{document.newline}{document.text[end:]}"


def _match_key(key: str | int) -> str:
    return rf"""["']?{re.escape(str(key))}["']?"""


def _append_table(document: _Document, path: Path, line: str, comment: str) -> str:
    text, newline = document.text, document.newline
    header = ".".join(map(_render_key, path))
    told = f"# {comment}{newline}" if comment else ""
    before = newline if text else ""
    if text and not text.endswith("\n"):
        before += newline
    return f"{text}{before}{told}[{header}]{newline}{line}{newline}"


def _walk(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _is_proxy(item: object) -> bool:
    """Whether a table is written in several places; tomlkit has a class of its own for that."""
    return not isinstance(item, AbstractTable) and hasattr(item, "keys")


def _is_sorted(items: list[Any]) -> bool:
    return all(isinstance(item, str) for item in items) and all(
        _order(first) <= _order(second) for first, second in pairwise(items)
    )


def _order(item: str) -> str:
    return item.casefold()


def _render_key(key: str | int) -> str:
    text = str(key)
    return text if _BARE_KEY.match(text) else tomlkit.item(text).as_string()


def _typed(value: Any) -> Any:
    """A form in which two values are equal only when TOML says the same, `nan` and the types of numbers included."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return repr(value)

"""The pins of a lock inside the root's manifest. Pure: text in, text out, every other byte kept.

A fresh clone has no `uv.lock`; it resolves to the pins because they stand in two arrays of `[tool.uv]` as
constraints. They stand between two comment lines there, so entries that a person wrote are never touched.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from partita.errors import PartitaError
from partita.lock import BUILD_CONSTRAINTS, CONSTRAINTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BEGIN = "# pins of requirements.lock, made by `invoke lock`"
_END = "# end of the pins"
_BLOCK = re.compile(
    rf"^[ \t]*{re.escape(_BEGIN)}\r?\n(?P<entries>.*?)^[ \t]*{re.escape(_END)}\r?\n", re.MULTILINE | re.DOTALL
)
_TABLE = re.compile(r"^\[tool\.uv\][ \t]*(?:#.*)?\r?\n", re.MULTILINE)
_HEADER = re.compile(r"^\[", re.MULTILINE)
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' r"'''.*?'''|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'|" r"#[^\n]*|[\[\]]|,", re.DOTALL
)


def read_pins(manifest: str) -> dict[str, tuple[str, ...]]:
    """The generated entries by the name of their array; what a person added to an array is not among them."""
    found: dict[str, tuple[str, ...]] = {}
    for key in (CONSTRAINTS, BUILD_CONSTRAINTS):
        array = _find_array(manifest, key)
        block = _BLOCK.search(manifest, *array) if array else None
        if block:
            found[key] = tuple(tomllib.loads(f"entries = [\n{block['entries']}]")["entries"])
    return found


def remove_pins(manifest: str) -> str:
    """The manifest as a person wrote it."""
    return _BLOCK.sub("", manifest)


def put_pins(manifest: str, pins: Mapping[str, Sequence[str]]) -> str:
    """The manifest with these pins in place of those it has. Raises PartitaError when it cannot be edited safely."""
    plain = remove_pins(manifest)
    edited = plain
    for key, entries in pins.items():
        edited = _put(edited, key, entries)
    wanted = tomllib.loads(plain)
    for key, entries in pins.items():
        if entries:
            _table(wanted)[key] = [*_table(wanted).get(key, []), *entries]
    try:
        right = tomllib.loads(edited) == wanted
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        arrays = " and ".join(pins)
        raise PartitaError(f"pyproject.toml: the pins find no place; write [tool.uv] as a table, its {arrays} as lists")
    return edited


def _put(manifest: str, key: str, entries: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in manifest else "\n"
    lines = ["", f"  {_BEGIN}", *(f'  "{entry}",' for entry in _quoted(entries)), f"  {_END}", ""]
    array = _find_array(manifest, key)
    if array:
        start, end = array
        comma = "" if _ends_open(manifest[start:end]) else ","
        last = _last_significant(manifest, start, end)
        rest = manifest[last:end].rstrip(" \t\r\n")
        return manifest[:last] + comma + rest + newline.join(lines) + manifest[end:]
    if not entries:
        return manifest
    place = _end_of_table(manifest)
    before = manifest[:place] + ("" if manifest[:place].endswith("\n") else newline)
    header = [] if _TABLE.search(manifest) else ["", "[tool.uv]"]
    block = newline.join([*header, f"{key} = ["]) + newline.join(lines) + "]" + newline
    return before + block + manifest[place:]


def _quoted(entries: Sequence[str]) -> list[str]:
    return [entry.replace("\\", "\\\\").replace('"', '\\"') for entry in entries]


def _find_array(manifest: str, key: str) -> tuple[int, int] | None:
    """Where the content of an array of `[tool.uv]` begins and ends, brackets not included."""
    table = _TABLE.search(manifest)
    opening = re.compile(rf"^{re.escape(key)}[ \t]*=[ \t]*\[", re.MULTILINE)
    found = opening.search(manifest, table.end(), _end_of_table(manifest)) if table else None
    if not found:
        return None
    depth = 1
    for token in _TOKEN.finditer(manifest, found.end()):
        depth += {"[": 1, "]": -1}.get(token[0], 0)
        if not depth:
            return found.end(), token.start()
    return None


def _ends_open(content: str) -> bool:
    """Whether another entry may follow what stands in an array."""
    tokens = [token[0] for token in _TOKEN.finditer(content) if not token[0].startswith("#")]
    return not tokens or tokens[-1] == ","


def _last_significant(manifest: str, start: int, end: int) -> int:
    """Where the last entry or comma of an array ends."""
    ends = [token.end() for token in _TOKEN.finditer(manifest, start, end) if not token[0].startswith("#")]
    return ends[-1] if ends else start


def _end_of_table(manifest: str) -> int:
    """Where `[tool.uv]` ends, blank lines after it not included; the end of the file when there is no such table."""
    table = _TABLE.search(manifest)
    if not table:
        return len(manifest)
    following = _HEADER.search(manifest, table.end())
    end = following.start() if following else len(manifest)
    kept = manifest[:end].rstrip("\r\n")
    while kept.rpartition("\n")[2].startswith("#") and following:  # a comment that introduces the next table
        kept = kept.rpartition("\n")[0].rstrip("\r\n")
    return len(kept) + (2 if manifest[len(kept) :].startswith("\r\n") else 1)


def _table(document: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = document.setdefault("tool", {}).setdefault("uv", {})
    return table

"""Import statements of a text, read without parsing it: exact or not at all.

Looks at nothing but the places where the word `import` stands. A statement is taken when it starts its line outside
of any string and has the plain form; everything else that may be one raises `UnsureError`, and a parser decides.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from partita.nesting import Nesting
from partita.strings import Strings, UnsureError

if TYPE_CHECKING:
    from partita.imports import Statement

#: Leading dots, the module, and the names taken from it.
_Imported = tuple[int, str, tuple[str, ...]]

_GAP = r"(?:[ \t]++|\\\n)"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*+"
_DOTTED = rf"{_NAME}(?:\.{_NAME})*+"
_MODULE = rf"{_DOTTED}(?:{_GAP}++as{_GAP}++{_NAME})?+"
_IMPORT = rf"import{_GAP}++({_MODULE}(?:{_GAP}*+,{_GAP}*+{_MODULE})*+)"
_NAMES = r"(\*|(?:[A-Za-z0-9_ \t,]++|\\\n)++|\((?:[A-Za-z0-9_ \t\n,]++|\\\n|#[^\n]*+\n)*+\))"
_FROM = rf"from(?=[ \t.\\]){_GAP}*+(\.*+){_GAP}*+({_DOTTED}|){_GAP}*+import(?![A-Za-z0-9_]){_GAP}*+{_NAMES}"
_STATEMENT = re.compile(rf"(?:{_IMPORT}|{_FROM})[ \t]*+(?:#[^\n]*+)?+[\n;]")
_BLANK = re.compile(r"(?:[ \t]*+(?:#[^\n]*+)?+\n)++")
#: What can be part of a name, letters beyond ASCII included.
_WORD = frozenset(chr(code) for code in range(256) if code > 127 or chr(code).isalnum() or chr(code) == "_")
_BEGINNINGS = ("from ", "from.", "import ")
_AFTER_KEYWORD = frozenset(" \t\f\\(*")


def scan_statements(text: str) -> list[Statement]:
    """The import statements of a text in the form that `Strings` describes, in their order. Raises UnsureError."""
    if "\0" in text:
        raise UnsureError("Python reads no text with a null character")
    found: list[Statement] = []
    strings = Strings(text)
    nesting: Nesting | None = None
    line, counted = 0, 0
    place = text.find("import")
    while place >= 0:
        end = place + 6
        if text[end] in _AFTER_KEYWORD and text[place - 1] not in _WORD:
            start = text.rfind("\n", 0, place) + 1
            before = text[start:place].lstrip(" \t")
            if before and not before.startswith("from"):
                # Within a line only these two signs begin a statement, whatever the line stands in.
                if ":" in before or ";" in before or text[start - 2] == "\\":
                    end = _find_dead_end(text, strings, place, before)
            elif string_end := strings.find_end(place):
                end = string_end
            else:
                indentation = text[start : place - len(before)]
                kind, guarded = "toplevel", False
                if indentation:
                    nesting = nesting or Nesting(text, strings)
                    kind, guarded = nesting.find_context(start, indentation)
                begin = place - len(before)
                while begin:
                    end, imported = _read_statement(text, begin)
                    line += text.count("\n", counted, begin)
                    counted = begin
                    found += [(line, kind, level, name, names, guarded) for level, name, names in imported]
                    begin = _find_neighbour(text, end, indentation)
                if end <= place:
                    raise UnsureError("this is a statement behind another one")
        place = text.find("import", end)
    return found


def _find_dead_end(text: str, strings: Strings, place: int, before: str) -> int:
    """Behind the string or the comment that a place stands in. Raises UnsureError when it stands in code."""
    end = strings.find_end(place)
    if not end and before[0] == "#" and text[text.rfind("\n", 0, place) - 1] != "\\":
        end = text.find("\n", place)
    end = end or strings.find_dead_end(place)
    if end < 0:
        raise UnsureError("this is a statement behind another one")
    return end


def _read_statement(text: str, begin: int) -> tuple[int, tuple[_Imported, ...]]:
    """Where the statement ends that begins at a place, and what it imports. Raises UnsureError."""
    end = text.find("\n", begin)
    imported = _parse_statement(text[begin : end + 1])
    if not imported:
        statement = _STATEMENT.match(text, begin)
        if statement is None:
            raise UnsureError("this may be a statement")
        end = statement.end() - 1
        imported = _parse_statement(statement[0])
    if text[text.rfind("\n", 0, begin) - 1] == "\\":
        raise UnsureError("a line that continues another one may be no statement")
    return end, imported


def _find_neighbour(text: str, end: int, indentation: str) -> int:
    """Where a statement of the same block begins on the next line that is not blank; 0 when none does.

    Behind a whole statement, whose last character this is, there is code: nothing else must be known about it.
    """
    if text[end] != "\n":
        return 0
    begin = end + 1
    if text[begin : begin + 1] in "\n#" and (blank := _BLANK.match(text, begin)):
        begin = blank.end()
    begin += len(indentation)
    if text.startswith(_BEGINNINGS, begin) and text.startswith(indentation, begin - len(indentation)):
        return begin
    return 0


@lru_cache(maxsize=5_000)
def _parse_statement(statement: str) -> tuple[_Imported, ...]:
    """What a whole statement imports, nothing when it is none or goes on.

    The same statements are written again and again: remembered, they take less time, and less room in every cache.
    """
    found = _STATEMENT.fullmatch(statement)
    if found is None:
        return ()
    modules, dots, module, names = found.groups()
    if modules:
        return tuple((0, name, ()) for name in _split(modules))
    return ((len(dots), sys.intern(module), _split(names)),)


def _split(names: str) -> tuple[str, ...]:
    """The names of a statement without what they are called here: `(a as b, c,)` -> a, c."""
    words = names.split()
    if len(words) == 1 and words[0].replace(".", "_").isidentifier():
        return (words[0],)
    if "#" in names:
        names = re.sub(r"#[^\n]*+", "", names)
    names = names.strip("()").replace("\\", " ")
    words = names.split()
    if "as" in words:
        return tuple([words[0] for item in names.split(",") if (words := item.split())])
    return tuple("".join(words).strip(",").split(","))

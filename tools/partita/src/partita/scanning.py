"""Import statements of a text, read without parsing it: exact or not at all.

Looks at nothing but the places where the word `import` stands. A statement is taken when it starts its line outside
of any string and has the plain form; everything else that may be one raises `UnsureError`, and a parser decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from partita.nesting import Nesting
from partita.strings import Strings, UnsureError

if TYPE_CHECKING:
    from partita.imports import Statement

_GAP = r"(?:[ \t]++|\\\n)"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*+"
_DOTTED = rf"{_NAME}(?:\.{_NAME})*+"
_MODULE = rf"{_DOTTED}(?:{_GAP}++as{_GAP}++{_NAME})?+"
_IMPORT = rf"import{_GAP}++({_MODULE}(?:{_GAP}*+,{_GAP}*+{_MODULE})*+)"
_NAMES = r"(\*|(?:[A-Za-z0-9_ \t,]++|\\\n)++|\((?:[A-Za-z0-9_ \t\n,]++|\\\n|#[^\n]*+\n)*+\))"
_FROM = rf"from(?=[ \t.\\]){_GAP}*+(\.*+){_GAP}*+({_DOTTED}|){_GAP}*+import{_GAP}*+{_NAMES}"
_STATEMENT = re.compile(rf"(?:{_IMPORT}|{_FROM})[ \t]*+(?:#[^\n]*+)?+[\n;]")
_COMMENT = re.compile(r"#[^\n]*+")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_AFTER_KEYWORD = frozenset(" \t\f\\(*")


def scan_statements(text: str) -> list[Statement]:
    """The import statements of a text in the form that `Strings` describes, in their order. Raises UnsureError."""
    if "\0" in text:
        raise UnsureError("Python reads no text with a null character")
    found: list[Statement] = []
    strings = Strings(text)
    nesting = Nesting(text, strings)
    line, counted = 0, 0
    place = _find_keyword(text, strings, 0)
    while place >= 0:
        start = text.rfind("\n", 0, place) + 1
        before = text[start:place].lstrip(" \t")
        if before and not before.startswith("from"):
            place = _find_keyword(text, strings, _skip_dead(text, strings, place, before))
            continue
        begin = place - len(before)
        statement = _STATEMENT.match(text, begin)
        if statement is None or statement.end() <= place or text[start - 2] == "\\":
            raise UnsureError("this may be a statement")
        kind, guarded = nesting.find_context(start, text[start:begin]) if start < begin else ("toplevel", False)
        line += text.count("\n", counted, start)
        counted = start
        modules, dots, module, names = statement.groups()
        if modules:
            found += [(line, kind, 0, name, (), guarded) for name in _split(modules)]
        else:
            found.append((line, kind, len(dots), module, _split(names), guarded))
        place = _find_keyword(text, strings, statement.end() - 1)
    return found


def _find_keyword(text: str, strings: Strings, start: int) -> int:
    """The next place outside of triple-quoted strings where `import` stands as a word, or -1."""
    place = text.find("import", start)
    while place >= 0:
        end = place + 6
        if text[end] in _AFTER_KEYWORD and text[place - 1] not in _WORD and text[place - 1] <= "\x7f":
            end = strings.find_end(place)
            if not end:
                break
        place = text.find("import", end)
    return place


def _skip_dead(text: str, strings: Strings, place: int, before: str) -> int:
    """Behind the comment or the string that a place stands in. Raises UnsureError when it stands in code."""
    line = place - len(before)
    if before[0] == "#" and text[text.rfind("\n", 0, line) - 1] != "\\":
        return text.find("\n", place)
    end = strings.find_dead_end(place)
    if end < 0:
        raise UnsureError("this is a statement behind another one")
    return end


def _split(names: str) -> tuple[str, ...]:
    """The names of a statement without what they are called here: `(a as b, c,)` -> a, c."""
    if "#" in names:
        names = _COMMENT.sub("", names)
    if names[0] == "(":
        names = names[1:-1]
    words = names.replace("\\", " ").split() if "\\" in names else names.split()
    if "as" in words:
        return tuple([words[0] for item in " ".join(words).split(",") if (words := item.split())])
    return tuple("".join(words).strip(",").split(","))

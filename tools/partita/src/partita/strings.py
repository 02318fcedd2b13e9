"""Where the string literals of a Python text are, found without reading all of it.

A text is a file's bytes as Latin-1, so that a character is a byte, with a newline before its first and after its last
line and no other line ends than newlines. Only triple-quoted strings reach over lines on their own; any other string
ends on its line unless a backslash continues it. Everything here rests on that. An f-string of Python 3.12 may hold
newlines and the very quotes it stands in: where one may be about, the answer is `UnsureError`, never a guess.
"""

from __future__ import annotations

import re
from bisect import bisect_right

# Compiled when they are first needed, which many files never do: compiling them all takes as long as reading twenty.
_ONE_LINE = r"""\"(?:[^"\\\n]++|\\[\s\S])*+"|'(?:[^'\\\n]++|\\[\s\S])*+'"""
#: Code, and what ends it (group 1): a comment, a triple quote, a string on one line, or the end of the line.
_PIECE = rf"""(?:[^'"#\n\\]++|\\[\s\S])*+(#[^\n]*+|"{{3}}|'{{3}}|{_ONE_LINE}|\n)"""
#: Braces in pairs, with nothing but plain strings between them. What is left on a line of a replacement field that an
#: earlier line opened never looks like this: the brace that closes the field would need a partner, which could only
#: stand in a string, and a quote stands alone between the two then.
_PAIRED_BRACES = r"""(?:[^{}]++|\{(?:[^{}'"\n\\]++|'(?!'')[^{}'"\n\\]*+'|"(?!"")[^{}'"\n\\]*+")*+\})*+"""
#: The inside of an f-string in triple quotes that ends at the same place for every version of Python: each field is
#: closed, and the strings in it are short and plain.
_FIELD = r"""(?:[^{}'"#]++|'[^'{}\n\\]*+'|"[^"{}\n\\]*+")*+"""
_CLOSED_FIELDS = rf"(?:[^{{}}]++|\{{\{{|\}}\}}|\{{{_FIELD}(?:\{{{_FIELD}\}}{_FIELD})*+\}})*+"
#: What can make a quote behind it something else than the start of a string in code.
_SIGNS = frozenset("'\"#:}")
_QUOTES = ('"""', "'''")


class UnsureError(Exception):
    """The text may mean more than one thing, or is written in a way that is too rare to be known here."""


class Strings:
    """The triple-quoted strings of one text, found from its start as far as somebody asks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._known = 0  # before this place every string is known, and it is in none itself
        self._starts: list[int] = []
        self._ends: list[int] = []

    def find_end(self, place: int) -> int:
        """Where the triple-quoted string ends that holds a place; 0 when none does. Raises UnsureError."""
        if place < self._known:
            end = self._last_end(place)
            return end if place < end else 0
        find, limit = self.text.find, place + 3
        double = find('"""', self._known, limit)
        single = find("'''", self._known, limit)
        while double >= 0 or single >= 0:
            quote = double if single < 0 or 0 <= double < single else single
            if self._opens_string(quote):
                self._starts.append(quote)
                self._known = self._close_string(quote)
                self._ends.append(self._known)
                if place < self._known:
                    return self._known
            if 0 <= double < self._known:
                double = find('"""', self._known, limit)
            if 0 <= single < self._known:
                single = find("'''", self._known, limit)
        self._known = max(self._known, place + 1)
        return 0

    def find_dead_end(self, place: int) -> int:
        """Where the comment or the string on one line ends that holds a place outside of triple-quoted strings.

        -1 when the place is code. Raises UnsureError.
        """
        piece = self._piece_at(place)
        return piece.end() if place >= piece.start(1) else -1

    def _last_end(self, place: int) -> int:
        """The end of the last triple-quoted string that starts at a known place or before; 0 when there is none."""
        index = bisect_right(self._starts, place) - 1
        return self._ends[index] if index >= 0 else 0

    def _opens_string(self, quote: int) -> bool:
        """Whether a triple quote opens a string. When it does not, `_known` moves behind it."""
        text = self.text
        start = max(text.rfind("\n", 0, quote) + 1, self._ends[-1] if self._ends else 0)
        before = text[start:quote]
        if text[start - 2] != "\\" and (not before or before.isspace() or not _SIGNS.intersection(before)):
            return True
        piece = self._piece_at(quote)
        if piece.start(1) == quote and piece[1] in _QUOTES:
            return True
        self._known = piece.end()
        return False

    def _close_string(self, quote: int) -> int:
        """Where the string ends that a triple quote opens."""
        text, start = self.text, quote + 3
        mark = text[quote:start]
        end = text.find(mark, start)
        while text[end - 1] == "\\" and _is_escaped(text, start, end):
            end = text.find(mark, end + 1)
        if end < 0:
            raise UnsureError("a string has no end")
        if _is_format(text, quote) and not re.compile(_CLOSED_FIELDS).fullmatch(text, start, end):
            raise UnsureError("a replacement field may hold the end of its string")
        return end + 3

    def _piece_at(self, place: int) -> re.Match[str]:
        """The code that a place stands in and what ends it, or the code before the dead text it stands in."""
        start = self._find_line(place)
        if not self._has_paired_braces(start, place):
            raise UnsureError("this line may end a replacement field")
        while piece := re.compile(_PIECE).match(self.text, start):
            start = piece.end()
            if place < start:
                return piece
        raise UnsureError("a string does not end on its line")

    def _find_line(self, place: int) -> int:
        """The start of the line, of the lines that a backslash joins, or the end of the string before on them."""
        text = self.text
        start = text.rfind("\n", 0, place) + 1
        while text[start - 2] == "\\" and start > 1:
            start = text.rfind("\n", 0, start - 1) + 1
        return max(start, self._last_end(place))

    def _has_paired_braces(self, start: int, place: int) -> bool:
        """Whether the braces are paired from here to the end of the line of a place."""
        return re.compile(_PAIRED_BRACES).fullmatch(self.text, start, self.text.find("\n", place)) is not None


def _is_escaped(text: str, start: int, place: int) -> bool:
    """Whether the backslashes before a place, back to `start`, are an odd number."""
    before = text[start:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _is_format(text: str, quote: int) -> bool:
    """Whether the letters before a quote make it an f-string or a t-string."""
    return text[quote - 1] in "fFtT" or (text[quote - 1] in "rR" and text[quote - 2] in "fFtT")

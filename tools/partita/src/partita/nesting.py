"""What encloses a place in a Python text: functions, `if TYPE_CHECKING`, `try`. Found from the headers of blocks.

In a valid file the header that encloses an indented line is the nearest statement before it with less indentation. A
line that is no header is no statement there, but the rest of an expression, so only lines that start like a header
are looked at. Whatever starts like one and may be part of an expression, too, must prove that it is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from partita.strings import UnsureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.strings import Strings

# Compiled when they are first needed, as in `strings`.
#: Each alternative starts with its letter: the engine rules out most lines by their first one.
_HEADER = (
    r"\n([ \t]*+)(async[ \t]++(?:def|for|with)|def|class|if|elif|else(?=[ \t]*+:)|try|except|finally|for|with|while"
    r"|match(?![ \t]*+[=.,)])|case(?![ \t]*+[=.,)]))\b"
)
#: What may stand in the way from the start of a header to the colon that ends it.
_SIGN = r"""[()\[\]{}#'"\n\\]|:(?!=)|\blambda\b|\belse\b"""
_STRING = r"""\"(?!"")(?:[^"\\\n]++|\\.)*+"|'(?!'')(?:[^'\\\n]++|\\.)*+'"""
_LINE_END = r"[ \t]*+(?:#[^\n]*+)?+\n"
_CHECK = r"(?:el)?if[ \t]++(not[ \t]++)?+(?:[A-Za-z0-9_]++\.)*TYPE_CHECKING[ \t]*+:"
_RENAMED = r"TYPE_CHECKING[ \t\\\n]++as\b"
_HANDLER = r"except\*?+[ \t]*+(?:\(([A-Za-z0-9_., \t\n]*+)\)|([A-Za-z0-9_.]*+))[ \t]*+(?:as[ \t]++\w++[ \t]*+)?+:"
#: Exceptions that catch a failed import.
CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})

_STRIDE = 2_000  # characters in which headers are looked for at a time

#: The kind of an import there, unless functions decide; whether in a function; the `try` bodies it is in.
_Context = tuple[str, bool, tuple[int, ...]]
_NOWHERE: _Context = ("", False, ())


class Nesting:
    """The blocks of one text, as far as somebody asks. Headers are known by their number from the start of the text."""

    def __init__(self, text: str, strings: Strings) -> None:
        self.text = text
        self.strings = strings
        self._headers: list[re.Match[str]] = []  # some may stand in strings
        self._read = 0  # up to here they have been looked for
        self._real: dict[int, bool] = {}
        self._outside: dict[int, _Context] = {}
        self._inside: dict[int, _Context] = {}
        self._guards: dict[int, bool] = {}
        self._checks: bool | None = None

    def find_context(self, place: int, indentation: str) -> tuple[str, bool]:
        """The kind of an import statement on this indented line, and whether a `try` catches its failure."""
        self._read_headers(place - 1)
        index = bisect_left(self._headers, place, key=re.Match.start)
        kind, in_function, tries = self._enclose(index, _width(indentation))
        return kind or ("lazy" if in_function else "toplevel"), any(map(self._catches, tries))

    def _read_headers(self, end: int) -> None:
        """Find what looks like a header before the start of a line."""
        if end > self._read:
            self._headers += re.compile(_HEADER).finditer(self.text, self._read, end)
            self._read = end

    def _enclose(self, index: int, width: int) -> _Context:
        """The context of a line of this width, which the header of this index is the first one behind."""
        while index > 0:
            index -= 1
            found = _width(self._headers[index][1])
            if found == width and index in self._outside:
                return self._outside[index]
            if found < width and self._is_real(index):
                if index not in self._inside:
                    self._inside[index] = self._enter(index)
                return self._inside[index]
        raise UnsureError("nothing encloses an indented line")

    def _is_real(self, index: int) -> bool:
        """Whether what looks like a header stands outside of strings."""
        if index not in self._real:
            place = self._headers[index].start()
            self._real[index] = not self.strings.find_end(place)
            if self._real[index] and self.text[place - 1] == "\\":
                raise UnsureError("a line that continues another one may be no header")
        return self._real[index]

    def _enter(self, index: int) -> _Context:
        """The context inside the block of this header."""
        width, word = _width(self._headers[index][1]), self._word(index)
        kind, in_function, tries = self._outside[index] = self._enclose(index, width) if width else _NOWHERE
        if word == "def":
            return kind, True, ()
        if word == "try":
            return kind, in_function, (*tries, index)
        if word in ("if", "for"):
            self._read_condition(index)
        if word in ("match", "case"):
            raise UnsureError("this may be a name")
        if word == "with" and "suppress" in self.text and "suppress" in self._read_condition(index):
            raise UnsureError("this may be contextlib.suppress(ImportError)")
        if word in ("if", "elif", "else") and not kind and self._checks_types(index):
            kind = "type-checking"
        return kind, in_function, tries

    def _read_condition(self, index: int) -> str:
        """From the word of a header to its colon. Raises UnsureError when it may be part of an expression.

        There a colon can follow only a ternary, a lambda, or a bracket that was opened before.
        """
        text, start, search = self.text, self._headers[index].start(2), re.compile(_SIGN).search
        depth, place = 0, start
        while sign := search(text, place):
            place = sign.end()
            if sign[0] in "([{":
                depth += 1
            elif sign[0] in ")]}":
                depth -= 1
                if depth < 0:
                    break
            elif sign[0] in "\"'":
                string = re.compile(_STRING).match(text, sign.start())
                if not string or ("{" in string[0] and text[sign.start() - 1] in "fFtTrR"):
                    break
                place = string.end()
            elif sign[0] == "\\":
                place += 1
            elif sign[0] == "#":
                place = text.find("\n", place)
            elif depth == 0 and (sign[0] != ":" or re.compile(_LINE_END).match(text, place)):
                break
        if depth or not sign or sign[0] != ":":
            raise UnsureError("this may be part of an expression")
        return text[start:place]

    def _checks_types(self, index: int) -> bool:
        """Whether the block of an `if`, `elif` or `else` is for type checkers only."""
        if self._checks is None:
            self._checks = "TYPE_CHECKING" in self.text
            if self._checks and re.search(_RENAMED, self.text):
                raise UnsureError("TYPE_CHECKING has another name here")
        if not self._checks:
            return False
        word = self._word(index)
        if word != "else" and self._find_check(index) == "":
            return True
        return word != "if" and self._follows_negation(index)

    def _find_check(self, index: int) -> str | None:
        """What stands before TYPE_CHECKING in a condition, nothing or a negation; None when it is not about it."""
        condition = self._read_condition(index)
        if "TYPE_CHECKING" not in condition:
            return None
        check = re.fullmatch(_CHECK, condition)
        if not check:
            raise UnsureError("TYPE_CHECKING is but a part of this condition")
        return check[1] or ""

    def _follows_negation(self, index: int) -> bool:
        """Whether an `elif` or `else` is the other side of `if not TYPE_CHECKING`."""
        indentation = self._headers[index][1]
        while index > 0:
            index -= 1
            if self._headers[index][1] != indentation or not self._is_real(index):
                continue
            word = self._word(index)
            if word in ("if", "elif") and self._find_check(index):
                return True
            if word == "for":
                self._read_condition(index)
            if word in ("if", "for", "while", "try"):
                return False
        raise UnsureError("nothing comes before an else")

    def _catches(self, index: int) -> bool:
        """Whether a handler of the `try` of this index catches a failed import."""
        if index not in self._guards:
            self._guards[index] = any(self._read_handlers(index))
        return self._guards[index]

    def _read_handlers(self, index: int) -> Iterator[bool]:
        indentation = self._headers[index][1]
        while self._has_next(index):
            index += 1
            if self._headers[index][1] != indentation or not self._is_real(index):
                continue
            if self._word(index) in ("try", "else", "finally"):
                break
            if self._word(index) != "except":
                continue
            handler = re.compile(_HANDLER).match(self.text, self._headers[index].start(2))
            if not handler:
                raise UnsureError("this handler is not plain")
            names = handler[1] or handler[2]
            yield not names or any(name.strip().rpartition(".")[2] in CATCHING for name in names.split(","))

    def _has_next(self, index: int) -> bool:
        while index + 1 == len(self._headers) and self._read < len(self.text):
            end = self.text.find("\n", self._read + _STRIDE)
            self._read_headers(end if end >= 0 else len(self.text))
        return index + 1 < len(self._headers)

    def _word(self, index: int) -> str:
        """The keyword of a header, without `async`."""
        word: str = self._headers[index][2]
        return word.rsplit(maxsplit=1)[-1]


def _width(indentation: str) -> int:
    return len(indentation.expandtabs(8)) if "\t" in indentation else len(indentation)

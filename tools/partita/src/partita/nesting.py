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

#: Each alternative starts with its letter: the engine rules out most lines by their first one.
_HEADER = re.compile(
    r"\n([ \t]*+)(async[ \t]++(?:def|for|with)|def|class|if|elif|else(?=[ \t]*+:)|try|except|finally|for|with|while"
    r"|match(?![ \t]*+[=.,)])|case(?![ \t]*+[=.,)]))\b"
)
#: What may stand in the way from the start of a header to the colon that ends it.
_SIGN = re.compile(r"""[()\[\]{}#'"\n\\]|:(?!=)|\blambda\b|\belse\b""")
_STRING = re.compile(r"""\"(?!"")(?:[^"\\\n]++|\\.)*+"|'(?!'')(?:[^'\\\n]++|\\.)*+'""")
_LINE_END = re.compile(r"[ \t]*+(?:#[^\n]*+)?+\n")
_CHECK = re.compile(r"(?:el)?if[ \t]++(not[ \t]++)?+(?:[A-Za-z0-9_]++\.)*TYPE_CHECKING[ \t]*+:")
_RENAMED = re.compile(r"TYPE_CHECKING[ \t\\\n]++as\b")
_HANDLER = re.compile(
    r"except\*?+[ \t]*+(?:\(([A-Za-z0-9_., \t\n]*+)\)|([A-Za-z0-9_.]*+))[ \t]*+(?:as[ \t]++\w++[ \t]*+)?+:"
)
#: Exceptions that catch a failed import.
CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})

#: The kind of an import there, unless functions decide; whether in a function; the `try` bodies it is in.
_Context = tuple[str, bool, tuple[int, ...]]
_NOWHERE: _Context = ("", False, ())


class Nesting:
    """The blocks of one text, as far as somebody asks."""

    def __init__(self, text: str, strings: Strings) -> None:
        self.text = text
        self.strings = strings
        self._more = _HEADER.finditer(text)
        self._places: list[int] = []
        self._widths: list[int] = []
        self._words: list[str] = []
        self._outside: dict[int, _Context] = {}
        self._inside: dict[int, _Context] = {}
        self._guards: dict[int, bool] = {}
        self._checks: bool | None = None

    def find_context(self, place: int, indentation: str) -> tuple[str, bool]:
        """The kind of an import statement on this indented line, and whether a `try` catches its failure."""
        while not self._places or self._places[-1] < place:
            if not self._read_header():
                break
        index = bisect_left(self._places, place) - 1
        kind, in_function, tries = self._enclose(index, _width(indentation))
        return kind or ("lazy" if in_function else "toplevel"), any(map(self._catches, tries))

    def _read_header(self) -> bool:
        """Take up the next line that starts like a header; False at the end of the text."""
        for header in self._more:
            if not self.strings.find_end(header.start(2)):
                self._places.append(header.start(2))
                self._widths.append(_width(header[1]))
                self._words.append(header[2].split()[-1])
                return True
        return False

    def _enclose(self, index: int, width: int) -> _Context:
        """The context of a line of this width whose nearest header before is the one of this index."""
        widths = self._widths
        while index >= 0 and widths[index] >= width:
            if widths[index] == width and index in self._outside:
                return self._outside[index]
            index -= 1
        if index < 0:
            raise UnsureError("nothing encloses an indented line")
        if index not in self._inside:
            self._inside[index] = self._enter(index)
        return self._inside[index]

    def _enter(self, index: int) -> _Context:
        """The context inside the block of this header."""
        width, word = self._widths[index], self._words[index]
        kind, in_function, tries = self._outside[index] = self._enclose(index - 1, width) if width else _NOWHERE
        self._refuse_continued(index)
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

    def _refuse_continued(self, index: int) -> None:
        if self.text[self.text.rfind("\n", 0, self._places[index]) - 1] == "\\":
            raise UnsureError("a line that continues another one is no header")

    def _read_condition(self, index: int) -> str:
        """From the word of a header to its colon. Raises UnsureError when it may be part of an expression.

        There a colon can follow only a ternary, a lambda, or a bracket that was opened before.
        """
        text, start = self.text, self._places[index]
        depth, place = 0, start
        while sign := _SIGN.search(text, place):
            place = sign.end()
            if sign[0] in "([{":
                depth += 1
            elif sign[0] in ")]}":
                depth -= 1
                if depth < 0:
                    break
            elif sign[0] in "\"'":
                string = _STRING.match(text, sign.start())
                if not string or ("{" in string[0] and text[sign.start() - 1] in "fFtTrR"):
                    break
                place = string.end()
            elif sign[0] == "\\":
                place += 1
            elif sign[0] == "#":
                place = text.find("\n", place)
            elif depth == 0 and (sign[0] != ":" or _LINE_END.match(text, place)):
                break
        if depth or not sign or sign[0] != ":":
            raise UnsureError("this may be part of an expression")
        return text[start:place]

    def _checks_types(self, index: int) -> bool:
        """Whether the block of an `if`, `elif` or `else` is for type checkers only."""
        if self._checks is None:
            self._checks = "TYPE_CHECKING" in self.text
            if self._checks and _RENAMED.search(self.text):
                raise UnsureError("TYPE_CHECKING has another name here")
        if not self._checks:
            return False
        word = self._words[index]
        if word != "else" and self._find_check(index) == "":
            return True
        return word != "if" and self._follows_negation(index)

    def _find_check(self, index: int) -> str | None:
        """What stands before TYPE_CHECKING in a condition, nothing or a negation; None when it is not about it."""
        condition = self._read_condition(index)
        if "TYPE_CHECKING" not in condition:
            return None
        check = _CHECK.fullmatch(condition)
        if not check:
            raise UnsureError("TYPE_CHECKING is but a part of this condition")
        return check[1] or ""

    def _follows_negation(self, index: int) -> bool:
        """Whether an `elif` or `else` is the other side of `if not TYPE_CHECKING`."""
        width = self._widths[index]
        while index > 0:
            index -= 1
            if self._widths[index] > width:
                continue
            word = self._words[index]
            self._refuse_continued(index)
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
        width = self._widths[index]
        while index + 1 < len(self._places) or self._read_header():
            index += 1
            if self._widths[index] != width:
                continue
            if self._words[index] != "except":
                if self._words[index] in ("try", "else", "finally"):
                    break
                continue
            self._refuse_continued(index)
            handler = _HANDLER.match(self.text, self._places[index])
            if not handler:
                raise UnsureError("this handler is not plain")
            names = handler[1] or handler[2]
            yield not names or any(name.strip().rpartition(".")[2] in CATCHING for name in names.split(","))


def _width(indentation: str) -> int:
    return len(indentation.expandtabs(8)) if "\t" in indentation else len(indentation)

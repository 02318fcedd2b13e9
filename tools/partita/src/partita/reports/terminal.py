"""What the reader's screen can do, and writing on it safely: width, colour, box characters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, TextIO

from partita.reports.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NARROWEST, _DEFAULT_WIDTH, _WIDEST = 40, 80, 140
_BOXES = "├─│└╌┄━▶▷↻→"

#: A piece of a line: how many columns it takes, and how it is written there.
Cell = tuple[int, str]


class Terminal(NamedTuple):
    """Width in columns, whether colour is wanted, and whether box characters can be printed."""

    width: int = _DEFAULT_WIDTH
    colour: bool = False
    boxes: bool = True


PLAIN = Terminal()


def read_terminal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Terminal:
    """What the other end of this stream can do.

    Colour only on a terminal that is not dumb; `NO_COLOR` forbids it, else `FORCE_COLOR` demands it. `COLUMNS` wins
    over the width of the terminal.
    """
    is_terminal = stream.isatty()
    colour = is_terminal and environment.get("TERM") != "dumb"
    if environment.get("FORCE_COLOR"):
        colour = True
    if environment.get("NO_COLOR"):
        colour = False
    encoding = getattr(stream, "encoding", None) or "ascii"
    width = _read_width(stream, environment, is_terminal=is_terminal)
    return Terminal(min(max(width, _NARROWEST), _WIDEST), colour, _can_print_boxes(encoding))


class Pen:
    """Writes names so that they cannot do anything to the terminal, in the characters and colours it has."""

    def __init__(self, terminal: Terminal) -> None:
        self.colour = terminal.colour
        self.boxes = terminal.boxes

    def cell(self, text: str, paint: str = "") -> Cell:
        """Foreign text, painted: what is not printable is spelt out as an escape."""
        text = self.plain(text)
        return len(text), self.paint(text, paint)

    def plain(self, text: str) -> str:
        """Foreign text without control characters and, where the encoding is narrow, in ASCII."""
        if not self.boxes and not text.isascii():
            text = text.encode("ascii", "backslashreplace").decode("ascii")
        return printable(text)

    def paint(self, text: str, paint: str) -> str:
        """Our own text in a colour; `paint` is the number of an SGR sequence, empty for none."""
        return f"\x1b[{paint}m{text}\x1b[0m" if self.colour and paint and text else text

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def dim(self, text: str) -> str:
        return self.paint(text, "2")


def flow(cells: Iterable[Cell], room: int) -> list[str]:
    """Cells side by side, one space apart, in as few lines of `room` columns as that takes; at least one line.

    A cell that is wider than the room gets a line of its own: names are never cut.
    """
    lines: list[list[str]] = [[]]
    used = 0
    for width, text in cells:
        if lines[-1] and used + 1 + width > room:
            lines.append([])
        used = used + 1 + width if lines[-1] else width
        lines[-1].append(text)
    return [" ".join(line) for line in lines]


def with_commas(cells: Iterable[Cell]) -> list[Cell]:
    """The cells of a list: a comma behind each but the last."""
    listed = list(cells)
    return [(width + 1, text + ",") for width, text in listed[:-1]] + listed[-1:]


def _can_print_boxes(encoding: str) -> bool:
    try:
        _BOXES.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _read_width(stream: TextIO, environment: Mapping[str, str], *, is_terminal: bool) -> int:
    told = environment.get("COLUMNS", "")
    if told.isdecimal() and told.isascii() and int(told):
        return int(told)
    try:
        return (is_terminal and os.get_terminal_size(stream.fileno()).columns) or _DEFAULT_WIDTH
    except OSError:
        return _DEFAULT_WIDTH

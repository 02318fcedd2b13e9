"""How text looks on a terminal: columns, colour where it is wanted, and no control characters of strangers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STYLES = {"good": "32", "doubtful": "33", "bad": "31", "heading": "1", "quiet": "2"}
_GAP = 2
_NARROWEST = 12  # a column is not made narrower than this


class Terminal(NamedTuple):
    """What the reader of the output can show. `width` is None for a pipe or a file, where lines are not wrapped."""

    colour: bool = False
    width: int | None = None

    def paint(self, text: str, style: str) -> str:
        """The text in a style of `_STYLES`, or as it is."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colour and text else text


def choose_terminal(environment: Mapping[str, str], columns: int | None) -> Terminal:
    """What to show, by the conventions of NO_COLOR, FORCE_COLOR, TERM and COLUMNS.

    `columns` is the width of the terminal behind a stream, 0 when it does not tell, None when there is none behind it.
    """
    colour = (columns is not None and environment.get("TERM") != "dumb") or bool(environment.get("FORCE_COLOR"))
    if environment.get("NO_COLOR"):
        colour = False
    told = environment.get("COLUMNS", "")
    return Terminal(colour, int(told) if told.isdecimal() and int(told) > 0 else columns or None)


def render_table(headings: Sequence[str], rows: Sequence[Sequence[str]], terminal: Terminal) -> str:
    """Rows under their headings, aligned; on a terminal that is too narrow the widest columns are wrapped."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(headings), *cells]) for index in range(len(headings))]
    if terminal.width is not None:
        widths = _narrowed(widths, terminal.width - _GAP * (len(widths) - 1))
    lines = [terminal.paint(line, "heading") for line in _lines(headings, widths)]
    lines += [line for row in cells for line in _lines(row, widths)]
    return "".join(f"{line}\n" for line in lines)


def clean(text: str) -> str:
    """The text with its control characters written out, so that it cannot steer the terminal. Line ends stay."""
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    narrowed = list(widths)
    while sum(narrowed) > room and max(narrowed) > _NARROWEST:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    columns = [
        textwrap.wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(row, widths, strict=True)
    ]
    height = max(len(column) for column in columns)
    padded = [[*column, *[""] * (height - len(column))] for column in columns]
    gap = " " * _GAP
    return [
        gap.join(column[line].ljust(width) for column, width in zip(padded, widths, strict=True)).rstrip()
        for line in range(height)
    ]

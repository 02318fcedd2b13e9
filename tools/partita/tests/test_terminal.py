from __future__ import annotations

import io
import os
import pty
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.reports.terminal import Pen, Terminal, flow, read_terminal, with_commas

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


@pytest.fixture
def screen() -> Iterator[TextIO]:
    """A real terminal: the near end of a pseudo-terminal that nobody looks at."""
    far, near = pty.openpty()
    with os.fdopen(near, "w", encoding="utf-8") as stream:
        yield stream
    os.close(far)


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_a_terminal_gets_colour_unless_that_is_not_wanted(
    screen: TextIO, environment: dict[str, str], colour: bool
) -> None:
    assert read_terminal(screen, environment).colour is colour


@pytest.mark.parametrize(("environment", "colour"), [({}, False), ({"FORCE_COLOR": "1"}, True)])
def test_a_file_gets_colour_only_when_forced(environment: dict[str, str], colour: bool) -> None:
    assert read_terminal(io.StringIO(), environment).colour is colour


@pytest.mark.parametrize(
    ("encoding", "boxes"),
    [("utf-8", True), ("ascii", False), ("iso-8859-1", False), ("cp1252", False), ("nonsense", False)],
)
def test_boxes_are_drawn_where_the_encoding_has_them(encoding: str, boxes: bool) -> None:
    class Stream(io.StringIO):
        pass

    Stream.encoding = encoding

    assert read_terminal(Stream(), {}).boxes is boxes


@pytest.mark.parametrize(
    ("columns", "width"),
    [("120", 120), ("1", 40), ("9999", 140), ("", 80), ("wide", 80), ("0", 80), ("-5", 80), ("²", 80)],
)
def test_the_width_is_what_columns_says_within_reason(columns: str, width: int) -> None:
    assert read_terminal(io.StringIO(), {"COLUMNS": columns}).width == width


def test_the_width_of_a_real_terminal_is_asked_for(screen: TextIO) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(screen.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 30, 96, 0, 0))

    assert read_terminal(screen, {}).width == 96


def test_a_terminal_that_does_not_tell_its_width_gets_the_usual_one() -> None:
    class Closed(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert read_terminal(Closed(), {}).width == 80


@settings(deadline=None)
@given(st.text())
def test_foreign_text_cannot_control_the_terminal(text: str) -> None:
    for terminal in (Terminal(), Terminal(boxes=False), Terminal(colour=True)):
        assert Pen(terminal).plain(text).isprintable()
    assert Pen(Terminal(boxes=False)).plain(text).isascii()


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=12)), st.integers(1, 20))
def test_cells_flow_into_lines_that_fit_and_none_is_lost(words: list[str], room: int) -> None:
    lines = flow([(len(word), word) for word in words], room)

    assert " ".join(lines).split() == words
    assert all(len(line) <= room or " " not in line for line in lines)


def test_a_list_has_a_comma_behind_each_cell_but_the_last() -> None:
    assert with_commas([(1, "a"), (1, "b")]) == [(2, "a,"), (1, "b")]
    assert with_commas([]) == []

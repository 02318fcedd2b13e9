import pytest

from botlib.terminal import Terminal, choose_terminal, clean, render_table

ROWS = [("mail", "reads letters"), ("chat", "")]


def test_columns_are_aligned_and_nothing_trails() -> None:
    assert render_table(("NAME", "DOES"), ROWS, Terminal()) == "NAME  DOES\nmail  reads letters\nchat\n"


def test_a_narrow_terminal_wraps_the_widest_column() -> None:
    rows = [("mail", "reads letters and answers some of them")]

    assert render_table(("NAME", "DOES"), rows, Terminal(width=26)) == (
        "NAME  DOES\nmail  reads letters and\n      answers some of them\n"
    )


def test_only_the_heading_is_painted_and_only_where_colour_is_wanted() -> None:
    assert render_table(("NAME", "DOES"), ROWS, Terminal(colour=True)).startswith("\x1b[1mNAME  DOES\x1b[0m\nmail  ")
    assert Terminal().paint("bad", "bad") == "bad"


def test_text_of_strangers_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mb\u202ec\nd\ré") == "a\\x1b[31mb\\u202ec\nd\\ré"
    assert "\x1b" not in render_table(("A",), [("\x1b]0;x\x07",)], Terminal())


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Terminal()),
        ({"FORCE_COLOR": "1"}, Terminal(colour=True)),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal()),
        ({"COLUMNS": "40"}, Terminal(width=40)),
    ],
)
def test_a_pipe_is_plain_unless_somebody_asks(environment: dict[str, str], expected: Terminal) -> None:
    assert choose_terminal(environment, None) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Terminal(colour=True, width=80)),
        ({"TERM": "dumb"}, Terminal(width=80)),
        ({"NO_COLOR": "1"}, Terminal(width=80)),
        ({"COLUMNS": "40"}, Terminal(colour=True, width=40)),
        ({"COLUMNS": "0"}, Terminal(colour=True, width=80)),
    ],
)
def test_a_terminal_has_colour_unless_it_cannot_or_nobody_wants_it(
    environment: dict[str, str], expected: Terminal
) -> None:
    assert choose_terminal(environment, 80) == expected


def test_a_terminal_that_does_not_tell_its_width_is_not_wrapped_for() -> None:
    assert choose_terminal({}, 0) == Terminal(colour=True)

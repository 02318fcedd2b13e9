import io

from botlib.terminal import Terminal
from botserver.terminal import read_terminal


def test_a_pipe_has_neither_colour_nor_width() -> None:
    assert read_terminal(io.StringIO(), {}) == Terminal()

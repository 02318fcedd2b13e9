"""Standard output: what stands behind it, and JSON on it. How text looks is `botlib.terminal`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from botlib.terminal import choose_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from botlib.terminal import Terminal


def read_terminal(stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> Terminal:
    """What stands behind this stream, standard output when none is given."""
    stream = sys.stdout if stream is None else stream
    return choose_terminal(environment, os.get_terminal_size(stream.fileno()).columns if stream.isatty() else None)


def print_json(value: object) -> None:
    """One document on standard output."""
    import json

    print(json.dumps(value, indent=2))

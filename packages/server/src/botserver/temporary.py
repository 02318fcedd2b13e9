"""`botserver --temp-stack`: the server on a PostgreSQL, Valkey and S3 of its own, gone when it ends.

It needs the extra `stack`; nothing else of this package knows that one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that stand in the place of a command."""
    group = parser.add_argument_group("a temporary stack instead of a command")
    group.add_argument("--temp-stack", action="store_true", help="serve on servers of its own until Ctrl-C")
    group.add_argument("--stack-root", metavar="DIR", default="", help="where its folder is made (default: /tmp)")
    group.add_argument("--temp-stack-timeout", metavar="SECONDS", default="", help="end so long after it was ready")
    group.add_argument("--keep-temp-stack", action="store_true", help="leave the folder, with data and logs")


def run(options: argparse.Namespace) -> int:
    """Keep a stack up. 0 after a signal or the time-out, 2 when it cannot be had."""
    try:
        from botserver_stack.cli import read_wish
        from botserver_stack.errors import StackError
        from botserver_stack.running import keep_up
    except ModuleNotFoundError as error:
        if error.name != "botserver_stack":
            raise
        print("A temporary stack is not installed: pip install 'botserver[stack]'", file=sys.stderr)
        return 2
    options.services = ""
    try:
        return keep_up(read_wish(options), lambda line: print(line, flush=True))
    except StackError as error:
        print(error, file=sys.stderr)
        return 2

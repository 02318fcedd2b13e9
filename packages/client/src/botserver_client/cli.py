"""The `tasker-cli` command: parse, call one function, map what came of it to an exit code.

0 done; 1 the server refused it; 2 the command line or the settings are wrong; 3 there was no answer in time, or none
that can be read; 4 there was an answer, and not all is well: a task that did not complete, a worker that does not live.
130 and 141 are those of a shell: interrupted, and the reader of the output went away.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from botserver_client.commands._options import Parser, add_common_options, read_flags, read_ids
from botserver_client.errors import ClientError, DeadlineError, RefusedError, UnreachableError, UnreadableError
from botserver_client.output import complain
from botserver_client.session import Session

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

#: Every group of commands: its name, which is that of its module, and its one line.
COMMANDS = (
    ("task", "ask for tasks, look at them, watch them, and step in"),
    ("worker", "who runs steps, and whether they live"),
    ("system", "whether the servers are well, and what they have"),
    ("dlq", "tasks that a person has to look at"),
    ("config", "the settings of this command"),
    ("completion", "print what a shell needs to complete this command"),
)
_CODES: tuple[tuple[type[ClientError], int], ...] = (
    (RefusedError, 1),
    (UnreachableError, 3),
    (DeadlineError, 3),
    (UnreadableError, 3),
    (ClientError, 2),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. No error shows a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without the characters is no reason to fail
    options = create_parser().parse_args(arguments)
    read_ids(options)
    session = Session(file=options.config or "", flags=read_flags(options), verbosity=options.verbose)
    try:
        code = _run(options, session)
        sys.stdout.flush()
    except ClientError as error:
        complain(f"✗ Failed to {options.purpose}: {error}")
        return next(code for kind, code in _CODES if isinstance(error, kind))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for a program that SIGPIPE ended
    except OSError as error:  # say, a full disk behind standard output
        place = f"{error.filename}: " if error.filename else ""
        complain(f"✗ Failed to {options.purpose}: {place}{error.strerror or error}.")
        return 2
    return code


def create_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="tasker-cli",
        description="Ask a workflows service for tasks, and look after them.",
        epilog="Exit codes: 0 done, 1 refused by the server, 2 wrong usage or settings, 3 no answer in time, "
        "4 an answer that not all is well. `tasker-cli COMMAND ACTION --help` tells the options of an action.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_version(), nargs=0, help="print the version and exit")
    add_common_options(parser, short=True)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS:
        module = import_module(f"botserver_client.commands.{name}")
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == "completion":
            module.add_arguments(command)
        else:
            module.add_arguments(command.add_subparsers(title="actions", metavar="ACTION", required=True))
    return parser


def _run(options: argparse.Namespace, session: Session) -> int:
    found = options.run(options, session)
    return int(asyncio.run(found)) if asyncio.iscoroutine(found) else int(found)


def _version() -> Any:
    import argparse

    class Version(argparse.Action):
        """Like argparse's own, but reads the version only when it is asked for."""

        def __call__(self, parser: argparse.ArgumentParser, *_rest: object) -> None:
            from importlib import metadata

            print(f"tasker-cli {metadata.version('botserver-client')}")
            parser.exit()

    return Version

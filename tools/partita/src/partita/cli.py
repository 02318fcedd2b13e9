"""The `partita` command: parse, call one command, map the result to an exit code.

0 clean, 1 findings, 2 usage or unreadable input. Nothing heavier than `os` is imported before an unchanged question
has been answered from memory; argparse comes after that, a command's own imports come last.
"""

from __future__ import annotations

import gc
import os
import sys

from partita import answers
from partita.errors import PartitaError

TYPE_CHECKING = False  # as in typing, whose import costs more than a remembered answer
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import ModuleType

#: Every command: its name and its one line. The module of `check-cycles` is `partita.commands.check_cycles`.
COMMANDS = (
    ("graph", "draw the dependency graph"),
    ("check-cycles", "find cycles of packages and modules, and what to cut"),
    ("check", "check every rule, from cycles to drift from templates"),
    ("scaffold", "create a member from a template, or mend its drift"),
    ("affected", "tell which members a change reaches, and why"),
    ("matrix", "print the CI matrix as one line of JSON"),
    ("test", "run the isolated tests of what changed"),
    ("footprint", "measure what each member costs"),
    ("lock", "pin every third-party distribution"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    collecting = gc.isenabled()
    gc.disable()  # what is read lives until the answer is given: there is no garbage to look for
    try:
        code = answers.replay(words)
        return _run(words) if code is None else code
    except PartitaError as error:
        for problem in error.problems:
            print(f"partita: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for a program that SIGPIPE ended
    except OSError as error:  # a full disk behind standard output; what concerns one file is told where it is read
        place = f"{error.filename}: " if error.filename else ""
        print(f"partita: {place}{error.strerror or error}", file=sys.stderr)
        return 2
    finally:
        if collecting:
            gc.enable()


def create_command_parser(name: str) -> argparse.ArgumentParser:
    """The parser of one command, the options that all share included."""
    import argparse  # 9 ms that a remembered answer does not need

    summary = dict(COMMANDS)[name]
    parser = argparse.ArgumentParser(
        prog=f"partita {name}",
        description=sentence(summary),
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=32, width=_help_width()),
    )
    parser.add_argument(
        "--root", default="", help="the repository (default: the nearest workspace upward, else this folder)"
    )
    parser.add_argument("--no-cache", action="store_true", help="read everything anew (default: only what changed)")
    load_command(name).add_arguments(parser)
    return parser


def sentence(summary: str) -> str:
    """A one-line summary as a sentence."""
    return f"{summary[0].upper()}{summary[1:]}."


def load_command(name: str) -> ModuleType:
    """The module that implements a command: it offers `add_arguments(parser)` and `run(options)`."""
    from importlib import import_module  # not needed for a remembered answer

    return import_module(f"partita.commands.{name.replace('-', '_')}")


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_help())
        return 0 if words else 2
    if words[0] == "--version":
        from importlib.metadata import version  # 20 ms

        print(f"partita {version('partita')}")
        return 0
    name = words[0]
    if name not in dict(COMMANDS):
        import difflib  # only on the way to an error

        close = difflib.get_close_matches(name, dict(COMMANDS), n=1)
        raise PartitaError(
            f"no command {name!r}" + (f"; did you mean {close[0]!r}?" if close else "; see partita --help")
        )
    try:
        options = create_command_parser(name).parse_args(words[1:])
    except SystemExit as stop:  # argparse has said what is wrong
        return int(stop.code or 0)
    options.arguments = words
    return int(load_command(name).run(options))


def _help_width() -> int:
    """Columns for a help text; argparse would import shutil to find out, each time an option is added."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() else 110


def _help() -> str:
    width = max(len(name) for name, _ in COMMANDS)
    lines = [f"  {name.ljust(width)}  {summary}" for name, summary in COMMANDS]
    return "\n".join(
        [
            "usage: partita COMMAND [options]",
            "",
            "Splits a Python monorepo into small installable packages and keeps them apart.",
            "",
            *lines,
            "",
            "partita COMMAND --help tells the options of a command. Exit codes: 0 clean, 1 findings, 2 usage or",
            "unreadable input.",
        ]
    )

"""The `botserver` command: parse, call one command, map the result to an exit code.

0 done, or stopped clean by a signal; 1 something is wrong with the installed services, the settings, the address or
what the command looked at; 2 the command line was not understood. 130 and 141 are those of a shell: interrupted, and
the reader of the output went away. Each command is a module of `botserver.commands` that imports what it needs when it
runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from botserver import temporary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

#: Every command: its name, which is that of its module, and its one line.
COMMANDS = (
    ("serve", "serve until Ctrl-C"),
    ("worker", "run the steps of workflows until Ctrl-C"),
    ("services", "list what is installed, and what hinders its start"),
    ("config", "check or show the settings"),
    ("db", "bring the tables of the database up to date, or tell how they stand"),
    ("doctor", "look for what would go wrong here, and say what to do"),
    ("completion", "print what a shell needs to complete this command"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. No error shows a traceback."""
    parser = create_parser()
    options = parser.parse_args(arguments)
    if bool(options.run) == options.temp_stack:
        parser.error("Give a COMMAND, or --temp-stack.")
    from botlib import BotError

    try:
        code = int((options.run or temporary.run)(options))
        sys.stdout.flush()
    except BotError as error:
        return _tell(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for a program that SIGPIPE ended
    except OSError as error:  # say, a full disk behind standard output; what concerns one file is told where it is read
        place = f"{error.filename}: " if error.filename else ""
        return _tell(f"{place}{error.strerror or error}.")
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        return _tell(_describe_mistake(error))
    return code


def create_parser() -> argparse.ArgumentParser:
    """The whole command line. Loads the modules of the commands, and nothing of what they do."""
    parser = _Parser(
        prog="botserver",
        description="Run the services of the bot platform that are installed here.",
        epilog="Exit codes: 0 done or stopped clean, 1 something is not in order, 2 wrong usage. "
        "`botserver COMMAND --help` tells the options of a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    temporary.add_arguments(parser)
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS:
        module = load_command(name)
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        command.set_defaults(run=getattr(module, "run", None))
        module.add_arguments(command)
    return parser


def load_command(name: str) -> ModuleType:
    """The module that implements a command: it offers `add_arguments(parser)`, and `run(options)` or one an action."""
    return import_module(f"botserver.commands.{name}")


def _tell(text: str) -> int:
    from botlib.terminal import clean

    print(clean(text), file=sys.stderr)
    return 1


def _describe_mistake(error: Exception) -> str:
    # The text of the error is left out: nobody has promised that it holds no secret.
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" in {frame.tb_frame.f_code.co_filename}, line {frame.tb_lineno}" if frame is not None else ""
    return (
        f"A mistake in the program: {type(error).__name__}{place}. "
        "Report it; `python -X dev -m botserver` with the same words shows all of it."
    )


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong with a command line in a sentence, with the next step."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` tells more.\n")


class _Version(argparse.Action):
    """Like argparse's own, but reads the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_rest: object) -> None:
        from importlib import metadata

        print(f"botserver {metadata.version('botserver')}")
        parser.exit()

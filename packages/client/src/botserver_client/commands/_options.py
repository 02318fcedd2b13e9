"""Options that several commands share, and values of the command line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botserver_client.session import Session

    Run = Callable[[argparse.Namespace, Session], int | Awaitable[int]]


class Id(NamedTuple):
    """An id that an action needs: given in its place, or by its option."""

    name: str
    option: str
    read: Callable[[str], str]
    is_needed: bool = True


class Parser(argparse.ArgumentParser):
    """Tells what is wrong with a command line in a sentence, with the next step."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` tells more.\n")


def add_action(actions: Any, name: str, run: Run, purpose: str, *ids: Id) -> argparse.ArgumentParser:
    """The parser of one action. `purpose` completes both "Failed to …" and the help."""
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", allow_abbrev=False
    )
    add_common_options(parser, short=False)
    parser.set_defaults(run=run, purpose=purpose, ids=ids, parser=parser)
    if ids:
        parser.add_argument("words", nargs="*", metavar=" ".join(it.name.upper() for it in ids), help="or by options")
        for it in ids:
            parser.add_argument(it.option, dest=f"option_{it.name}", metavar=it.name.upper(), help="the same")
    return parser


def read_ids(options: argparse.Namespace) -> None:
    """Put every id where its action looks for it, whichever way it was given."""
    words = list(getattr(options, "words", ()))
    for it in getattr(options, "ids", ()):
        text = getattr(options, f"option_{it.name}") or (words.pop(0) if words else None)
        if text is None and it.is_needed:
            options.parser.error(f"Give {it.name.upper()}, in its place or by {it.option}")
        try:
            setattr(options, it.name, None if text is None else it.read(text))
        except ValueError as error:
            options.parser.error(f"{it.name.upper()} {text!a} {error}")
    if words:
        options.parser.error(f"Nothing is known of {words[0]!a}")


def add_common_options(parser: argparse.ArgumentParser, *, short: bool) -> None:
    """What may stand before a command and after it. Short forms stand before it only: actions have their own."""

    def add(letter: str, name: str, **more: Any) -> None:
        names = [letter, name] if short and letter else [name]
        parser.add_argument(*names, default=None if short else argparse.SUPPRESS, **more)

    add("-c", "--config", metavar="FILE", help="read the settings from this file, and from no other")
    add("", "--format", metavar="FORMAT", help="print answers as table, json or yaml")
    add("", "--orchestration-url", metavar="URL", help="where the orchestration is")
    add("", "--worker-url", metavar="URL", help="where a worker is (default: the orchestration is asked)")
    parser.add_argument(
        "--set",
        action="append",
        type=_assignment,
        default=[] if short else argparse.SUPPRESS,
        metavar="KEY=VALUE",
        help="any setting; may be repeated. `tasker-cli config explain` has all",
    )
    names = ["-v", "--verbose"] if short else ["--verbose"]
    parser.add_argument(
        *names, action="count", default=0 if short else argparse.SUPPRESS, help="tell which file was read, who is asked"
    )


def read_flags(options: argparse.Namespace) -> dict[str, str]:
    """Settings by their names, from the options that `add_common_options` added."""
    named = {
        "cli.default_format": options.format,
        "orchestration.base_url": options.orchestration_url,
        "worker.base_url": options.worker_url,
    }
    return {**dict(options.set), **{name: value for name, value in named.items() if value is not None}}


def read_uuid(text: str) -> str:
    """An id of a task, step or entry."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("is no UUID") from None


def read_json(text: str) -> Any:
    """JSON from the command line, from a file after `@`, or from standard input for `-`."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            told = getattr(error, "strerror", None) or "it is no text"
            raise argparse.ArgumentTypeError(f"{text[1:]} cannot be read: {told}") from None
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"this is not JSON: {error}") from None


def read_json_object(text: str) -> dict[str, Any]:
    """As `read_json`, with names and values."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('this is JSON, but no object: write it as {"name": value}')
    return value


def read_seconds(text: str) -> float:
    """A time limit."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < 1e7:
        raise argparse.ArgumentTypeError(f"{text!a} is no number of seconds")
    return seconds


def number(least: int, most: int) -> Callable[[str], int]:
    """A whole number within these."""

    def read(text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and least <= int(text[:12]) <= most):
            raise argparse.ArgumentTypeError(f"{text!a} is no whole number from {least} to {most}")
        return int(text)

    return read


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"there is no {constant} in it")


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is no setting: write it as KEY=VALUE")
    return key, value


TASK = Id("task", "--id", read_uuid)
STEP = Id("step", "--step-id", read_uuid)

"""The `bot-stack` command. Parses, calls one function, and maps the result to an exit code.

0 done (also when a stack was ended by a signal or its time-out), 2 what was asked for cannot be had; 130 and 141 are
those of a shell: interrupted, and the reader of the output went away. `run` gives the exit code of its command. The
same commands are Invoke tasks, made of these parsers.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from botserver_stack.running import Wish

#: Every command and its one line.
COMMANDS = (
    ("up", "start a stack and keep it until Ctrl-C"),
    ("list", "list the stacks that are there"),
    ("env", "print the environment of a stack for a shell"),
    ("logs", "print the last lines of the logs of a stack"),
    ("down", "end a stack"),
    ("sweep", "end stacks whose keeper was killed"),
    ("run", "run a command with a stack of its own"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    known = dict(COMMANDS)
    if not words or words[0] not in known:
        print(_help(), file=sys.stdout if words[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    try:
        options = create_command_parser(words[0]).parse_args(words[1:])
    except SystemExit as stop:  # argparse has said what is wrong
        return int(stop.code or 0)
    from botlib import BotError

    try:
        return _BODIES[words[0]](options)
    except BotError as error:
        print(f"bot-stack: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for a program that SIGPIPE ended
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        print(f"bot-stack: {_explain(error)}", file=sys.stderr)
        return 2


def create_command_parser(name: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    summary = dict(COMMANDS)[name]
    parser = argparse.ArgumentParser(
        prog=f"bot-stack {name}", description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
    )
    parser.add_argument(
        "--stack-root", metavar="DIR", default="", help="where stacks are (default: the temporary folder of the system)"
    )
    _ARGUMENTS[name](parser)
    return parser


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    """The options of whoever starts a stack."""
    parser.add_argument(
        "--services", metavar="NAMES", default="", help="servers, with commas: postgres,redis (default: all there are)"
    )
    parser.add_argument(
        "--temp-stack-timeout",
        metavar="SECONDS",
        default="",
        help="end it so many seconds after it was ready (default: $TEMP_STACK_TIMEOUT, else never)",
    )
    parser.add_argument("--keep-temp-stack", action="store_true", help="leave the folder, with data and logs")


def read_wish(options: argparse.Namespace) -> Wish:
    """What these options ask for. Raises `StackError` for a time-out that is no number of seconds."""
    from botserver_stack.errors import StackError
    from botserver_stack.running import Wish

    text = options.temp_stack_timeout or os.environ.get("TEMP_STACK_TIMEOUT", "")
    try:
        timeout = float(text) if text else None
    except ValueError:
        timeout = -1.0
    if timeout is not None and not 0 < timeout < 1e9:
        raise StackError(f"{text!r} is no time-out.", remedy="Give a number of seconds above 0.")
    services = tuple(it.strip() for it in options.services.split(",") if it.strip())
    return Wish(services, options.stack_root or None, timeout, options.keep_temp_stack)


def _up(options: argparse.Namespace) -> int:
    from botserver_stack.running import keep_up

    return keep_up(read_wish(options), _tell)


def _run(options: argparse.Namespace) -> int:
    from botserver_stack.errors import StackError
    from botserver_stack.running import run_command

    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise StackError("There is no command.", remedy="Write it after --: bot-stack run -- pytest")
    return run_command(read_wish(options), command, _tell_error)


def _list(options: argparse.Namespace) -> int:
    from botserver_stack.catalogue import list_stacks

    stacks = list_stacks(_root(options))
    if options.json:
        import json

        rows = [{"id": it.id, "state": it.state, "folder": it.folder, "ports": it.ports} for it in stacks]
        print(json.dumps({"schema": 1, "stacks": rows}, indent=2))
        return 0
    for stack in stacks:
        ports = " ".join(f"{name}:{port}" for name, port in stack.ports.items())
        print(f"{stack.id}  {stack.state:<8}  {stack.folder}  {ports}".rstrip())
    return 0


def _env(options: argparse.Namespace) -> int:
    from botserver_stack.catalogue import find_stack, read_environment
    from botserver_stack.environment import render_environment

    print(render_environment(read_environment(find_stack(_root(options), options.id)), export=True), end="")
    return 0


def _logs(options: argparse.Namespace) -> int:
    from botserver_stack.catalogue import find_logs, find_stack
    from botserver_stack.errors import StackError

    logs = find_logs(find_stack(_root(options), options.id))
    if options.server and options.server not in logs:
        raise StackError(f"There is no log {options.server}.", remedy=f"There are {', '.join(logs)}.")
    for name, path in logs.items():
        if options.server in ("", name):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.readlines()[-int(options.lines) :]
            print(f"==> {name} ({path})", *(it.rstrip("\n") for it in lines), sep="\n")
    return 0


def _down(options: argparse.Namespace) -> int:
    from botserver_stack.catalogue import find_stack
    from botserver_stack.sweeping import end_stack

    stack = find_stack(_root(options), options.id)
    end_stack(stack.folder, stack.record)
    print(f"Stack {stack.id} has ended.")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from botserver_stack.sweeping import sweep

    swept = sweep(_root(options), kept=options.kept)
    print("\n".join(swept) if swept else "Nothing was left behind.")
    return 0


def _root(options: argparse.Namespace) -> str:
    from botserver_stack.root import check_root

    return check_root(options.stack_root or None)


def _id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", default="", help="the id of a stack (default: the one that runs)")


def _logs_arguments(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--server", default="", metavar="NAME", help="only this log, such as postgres")
    parser.add_argument("--lines", type=int, default=20, metavar="N", help="so many lines of each (default: 20)")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _sweep_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kept", action="store_true", help="also remove folders that were kept")


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    add_stack_options(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments, after --")


_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "up": add_stack_options,
    "list": _list_arguments,
    "env": _id,
    "logs": _logs_arguments,
    "down": _id,
    "sweep": _sweep_arguments,
    "run": _run_arguments,
}
_BODIES: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": _up,
    "list": _list,
    "env": _env,
    "logs": _logs,
    "down": _down,
    "sweep": _sweep,
    "run": _run,
}


def _explain(error: Exception) -> str:
    """A sentence for what nobody has foreseen: a mistake of ours, or a system that refuses even what Python needs."""
    return (
        f"Unexpected {type(error).__name__}: {' '.join(str(error).split())}. "
        "`python -X dev -m botserver_stack` with the same words shows where."
    )


def _help() -> str:
    lines = [f"  {name:<8}{summary}" for name, summary in COMMANDS]
    return "\n".join(
        (
            "usage: bot-stack COMMAND [OPTIONS]",
            "",
            "Throw-away test servers.",
            "",
            *lines,
            "",
            "bot-stack COMMAND --help tells more.",
        )
    )


def _tell(line: str) -> None:
    print(line, flush=True)


def _tell_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

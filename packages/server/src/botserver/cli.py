"""The `botserver` command.

Exit codes: 0 done, or stopped clean by a signal; 1 something is wrong with the services that are installed or with the
address; 2 the command line was not understood.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from botstate import Standing

    Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Imports what the command needs, and nothing else."""
    options = create_parser().parse_args(arguments)
    command: Command = options.command
    from botlib import BotError

    try:
        return command(options)
    except BotError as error:
        print(error, file=sys.stderr)
        return 1


def create_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="botserver",
        description="Run the services of the bot platform that are installed here.",
        epilog="Exit codes: 0 done or stopped clean, 1 services or address are not in order, 2 wrong usage.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_serve(commands.add_parser("serve", help="serve until Ctrl-C", description="Serve until SIGINT or SIGTERM."))
    _add_services(
        commands.add_parser(
            "services",
            help="list what is installed",
            description="List the installed services, what each provides and requires, and what hinders their start.",
        )
    )
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these services (default: all installed)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="port, 0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--grace",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time for requests to end after a signal (default: %(default)g)",
    )
    parser.set_defaults(command=_serve)


def _add_services(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=_services)


def _serve(options: argparse.Namespace) -> int:
    import logging

    from botserver.discovery import discover
    from botserver.selection import describe_broken, select, stand_in
    from botserver_core import serve
    from botstate import foundation

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    selected = select(discover(), options.names)
    for broken in selected.broken:
        logging.getLogger("botserver").error("%s", describe_broken(broken))
    services = (foundation(), *selected.services, *(stand_in(it) for it in selected.broken))
    serve(services, host=options.host, port=options.port, grace=options.grace, ready=_announce)
    return 0


def _announce(url: str, standings: Sequence[Standing]) -> None:
    started = [it.service for it in standings if not it.trouble]
    print(f"botserver is ready on {url} with {', '.join(started)}.", flush=True)
    for standing in standings:
        if standing.trouble:
            print(f"{standing.service} did not start: {standing.trouble}", flush=True)


def _services(options: argparse.Namespace) -> int:
    from botserver.discovery import discover
    from botserver.listing import describe, find_problems, render

    discovery = discover()
    problems = find_problems(discovery)
    if options.json:
        import json

        print(json.dumps(describe(discovery, problems), indent=2))
    else:
        print(render(discovery, problems), end="")
    return 1 if problems else 0


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to 65535")


class _Version(argparse.Action):
    """Like argparse's own, but reads the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_rest: object) -> None:
        from importlib import metadata

        print(f"botserver {metadata.version('botserver')}")
        parser.exit()

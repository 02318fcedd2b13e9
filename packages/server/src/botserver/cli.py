"""The `botserver` command.

Exit codes: 0 done, or stopped clean by a signal; 1 something is wrong with the installed services, the settings or the
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
        epilog="Exit codes: 0 done or stopped clean, 1 services, settings or address are not in order, 2 wrong usage.",
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
    _add_config(commands.add_parser("config", help="check or show the settings"))
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these services (default: all installed)")
    parser.add_argument("--host", help="address to listen on (default: the setting server.host, 127.0.0.1)")
    parser.add_argument("--port", help="port, 0 takes a free one (default: the setting server.port, 8000)")
    _add_sources(parser)
    parser.set_defaults(command=_serve)


def _add_services(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=_services)


def _add_config(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="say whether the settings can be used, and what is wrong with them")
    show = actions.add_parser("show", help="every setting with its value and its origin; secrets are hidden")
    show.add_argument("--redact", action="store_true", help="hide secrets (they always are)")
    for action in (check, show):
        action.add_argument("--json", action="store_true", help="print JSON")
        _add_sources(action)
    check.set_defaults(command=_config_check)
    show.set_defaults(command=_config_show)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help="TOML file (default: $BOT_CONFIG, or botserver.toml when it is there)"
    )
    parser.add_argument(
        "--set", action="append", default=[], type=_assignment, metavar="KEY=VALUE", help="a setting: server.port=8080"
    )


def _serve(options: argparse.Namespace) -> int:
    import logging

    from botserver.basis import with_basis
    from botserver.discovery import discover
    from botserver.selection import describe_broken, select, stand_in
    from botserver.settings import ServerSettings
    from botserver.sources import load_settings
    from botserver_core import serve

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    discovery = discover()
    selected = select(discovery, options.names)
    for broken in selected.broken:
        logging.getLogger("botserver").error("%s", describe_broken(broken))
    settings = load_settings(discovery.services, file_name=options.config, options=_settings_of(options))
    services = with_basis((*selected.services, *(stand_in(it) for it in selected.broken)), settings)
    server = settings.part(ServerSettings)
    serve(services, host=server.host, port=server.port, grace=server.grace, ready=_announce)
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
        _print_json(describe(discovery, problems))
    else:
        print(render(discovery, problems), end="")
    return 1 if problems else 0


def _config_check(options: argparse.Namespace) -> int:
    from botlib import BotError
    from botserver.discovery import discover
    from botserver.sources import load_settings

    problems: list[str] = []
    try:
        load_settings(discover().services, file_name=options.config, options=_settings_of(options))
    except BotError as error:
        problems = str(error).splitlines()
    if options.json:
        _print_json({"schema": 1, "problems": problems})
    else:
        print("\n".join(problems) or "The settings can be used.")
    return 1 if problems else 0


def _config_show(options: argparse.Namespace) -> int:
    from botserver.discovery import discover
    from botserver.listing import describe_settings, render_settings
    from botserver.sources import load_settings

    settings = load_settings(discover().services, file_name=options.config, options=_settings_of(options))
    if options.json:
        _print_json(describe_settings(settings))
    else:
        print(render_settings(settings), end="")
    return 0


def _settings_of(options: argparse.Namespace) -> dict[str, str]:
    named = {"server.host": getattr(options, "host", None), "server.port": getattr(options, "port", None)}
    return {**dict(options.set), **{key: value for key, value in named.items() if value is not None}}


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is no setting: write it as KEY=VALUE")
    return key, value


class _Version(argparse.Action):
    """Like argparse's own, but reads the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_rest: object) -> None:
        from importlib import metadata

        print(f"botserver {metadata.version('botserver')}")
        parser.exit()

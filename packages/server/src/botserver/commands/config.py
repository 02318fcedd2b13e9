"""`config check` and `config show`: whether the settings can be used, and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver.commands._options import add_json_option, add_source_options, read_options

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `config` and their options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="say whether the settings can be used, and what is wrong with them")
    show = actions.add_parser("show", help="every setting with its value and its origin; secrets are hidden")
    show.add_argument("--redact", action="store_true", help="hide secrets, which happens in any case")
    for action, run in ((check, _check), (show, _show)):
        add_json_option(action)
        add_source_options(action)
        action.set_defaults(run=run)


def _check(options: argparse.Namespace) -> int:
    from botlib import BotError
    from botlib.terminal import clean
    from botserver.discovery import discover
    from botserver.terminal import print_json

    problems: list[str] = []
    try:
        read_options(options, discover())
    except BotError as error:
        problems = str(error).splitlines()
    if options.json:
        print_json({"schema": 1, "problems": problems})
    else:
        print(clean("\n".join(problems)) or "The settings can be used.")
    return 1 if problems else 0


def _show(options: argparse.Namespace) -> int:
    from botserver.discovery import discover
    from botserver.listing import describe_settings, render_settings
    from botserver.terminal import print_json, read_terminal

    settings = read_options(options, discover())
    if options.json:
        print_json(describe_settings(settings))
    else:
        print(render_settings(settings, read_terminal()), end="")
    return 0

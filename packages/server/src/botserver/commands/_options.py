"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botserver.discovery import Discovery
    from botstate import Settings


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs; its schema is documented")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--set`: where settings come from besides the environment."""
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE",
        help="TOML file; may be repeated, later ones win (default: $BOT_CONFIG, or botserver.toml when it is there)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="KEY=VALUE",
        help="a setting, such as server.port=8080; may be repeated",
    )


def read_options(options: argparse.Namespace, discovery: Discovery) -> Settings:
    """The settings that the options and the environment lead to. Raises what `load_settings` does."""
    from botserver.sources import load_settings

    named = {"server.host": getattr(options, "host", None), "server.port": getattr(options, "port", None)}
    given = {**dict(options.set), **{key: value for key, value in named.items() if value is not None}}
    return load_settings(discovery.services, file_names=options.config, options=given)


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is no setting: write it as KEY=VALUE")
    return key, value

"""`services`: what is installed, what each provides and requires, and what would not start and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver.commands._options import add_json_option

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `services`."""
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Print, and return 1 when something would not start."""
    from botserver.discovery import discover
    from botserver.listing import describe, find_problems, render
    from botserver.terminal import print_json, read_terminal

    discovery = discover()
    problems = find_problems(discovery)
    if options.json:
        print_json(describe(discovery, problems))
    else:
        print(render(discovery, problems, read_terminal()), end="")
    return 1 if problems else 0

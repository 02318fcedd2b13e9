"""`completion`: a script for a shell, written from the parsers of all commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

#: Where each shell looks for such a script, and loads it when it is needed first.
PLACES = {
    "bash": "~/.local/share/bash-completion/completions/botserver",
    "zsh": "~/.zfunc/_botserver  (with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc)",
    "fish": "~/.config/fish/completions/botserver.fish",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `completion`."""
    from argparse import RawDescriptionHelpFormatter

    parser.add_argument("shell", choices=tuple(PLACES), metavar="SHELL", help=f"one of {', '.join(PLACES)}")
    parser.formatter_class = RawDescriptionHelpFormatter
    lines = (f"  botserver completion {shell} > {place}" for shell, place in PLACES.items())
    parser.epilog = "\n".join(["Write it once, and again when services come or go:", *lines])


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from botserver.cli import create_parser
    from botserver.completion import write_script
    from botserver.discovery import installed_names

    print(write_script(create_parser(), options.shell, installed_names()), end="")
    return 0

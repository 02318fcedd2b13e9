"""`completion`: a script for a shell, written from the parsers of all commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botserver_client.session import Session

#: Where each shell looks for such a script.
PLACES = {
    "bash": "~/.local/share/bash-completion/completions/tasker-cli",
    "zsh": "~/.zfunc/_tasker-cli  (with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc)",
    "fish": "~/.config/fish/completions/tasker-cli.fish",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `completion`."""
    parser.add_argument("shell", choices=tuple(PLACES), metavar="SHELL", help=f"one of {', '.join(PLACES)}")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"  tasker-cli completion {shell} > {place}" for shell, place in PLACES.items())
    parser.set_defaults(run=_run, purpose="write the script")


def _run(options: argparse.Namespace, _session: Session) -> int:
    import shtab

    from botserver_client.cli import create_parser

    parser = create_parser()
    _complete_files(parser, shtab.FILE)
    print(shtab.complete(parser, options.shell), end="")
    return 0


def _complete_files(parser: argparse.ArgumentParser, files: Any) -> None:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        if action.metavar == "FILE":
            action.complete = files  # type: ignore[attr-defined]  # where shtab looks
        elif isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for command in action.choices.values():
                _complete_files(command, files)

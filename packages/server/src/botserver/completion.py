"""What a shell needs to complete the command: a script that is written once and starts no Python when TAB is pressed.

That is why shtab writes it, and why argcomplete, which asks the program itself at every TAB, does not.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def write_script(parser: argparse.ArgumentParser, shell: str, services: Sequence[str]) -> str:
    """The script for bash, zsh or fish. Options named FILE become files, arguments named NAME these services."""
    import shtab

    for action in _actions(parser):
        if action.metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks
        elif action.metavar == "NAME" and services:
            action.choices = list(services)
    return shtab.complete(parser, shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for command in action.choices.values():
                yield from _actions(command)

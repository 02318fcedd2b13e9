"""The page about `tasker-cli` names every command, every option, every setting and every variable that there is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from botserver_client.cli import create_parser
from botserver_client.configuration import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "client.md").read_text()


def commands(parser: argparse.ArgumentParser, *names: str) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield names, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from commands(command, *names, name)


def test_every_command_and_option_stands_on_the_page() -> None:
    found = list(commands(create_parser()))
    assert len(found) == 30
    for names, parser in found:
        assert all(f"`{name}" in PAGE or f" {name}`" in PAGE for name in names), names
        options = {it for action in parser._actions for it in action.option_strings}
        missing = {it for it in options - {"-h", "--help", "--version"} if f"`{it}" not in PAGE}
        assert missing == set(), names


def test_every_setting_stands_on_the_page() -> None:
    for key in KEYS:
        section, name = key.name.split(".")
        assert f"`{key.name}`" in PAGE or f"`{name}`" in PAGE.split(f"`{section}.", 1)[1]
        assert not key.variable or f"`{key.variable}`" in PAGE

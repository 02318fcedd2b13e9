"""Reads the words of a Podman command line: options with their values, then the rest. For the mock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Options that have no value.
_FLAGS = frozenset(["--all", "--quiet", "--force", "--init", "--read-only", "--no-stream", "--follow", "--tls-verify"])


class Parsed(NamedTuple):
    """Option -> its values in order (empty for a flag), and the words after the options."""

    options: dict[str, list[str]]
    words: tuple[str, ...]


def parse_words(arguments: Sequence[str]) -> Parsed:
    """What stands after the command. Options come first, each with its value as a word of its own or after `=`."""
    options: dict[str, list[str]] = {}
    place = 0
    while place < len(arguments) and arguments[place].startswith("-"):
        name, equals, value = arguments[place].partition("=")
        place += 1
        values = options.setdefault(name, [])
        if equals:
            values.append(value)
        elif name not in _FLAGS:
            values.append(arguments[place])
            place += 1
    return Parsed(options, tuple(arguments[place:]))

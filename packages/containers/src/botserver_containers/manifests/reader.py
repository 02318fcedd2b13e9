"""Reads values out of a document and gathers what is wrong with it, all at once."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class Reader:
    """One document under inspection. A value that cannot be used becomes a problem, and its default is read instead.

    A problem names the path of the value, never the value: it may be a secret.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, path: str, text: str) -> None:
        """Note what is wrong at this path."""
        self.problems.append(f"{path} {text}")

    def table(self, value: Any, path: str, known: Iterable[str]) -> dict[str, Any]:
        """An object with these keys only; any other is a problem, with the nearest one that is known."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problem(path, "must be an object.")
            return {}
        keys = list(known)
        for key in value:
            if key not in keys:
                close = get_close_matches(str(key), keys, 1)
                hint = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(keys)}."
                self.problem(path, f"has an unknown key {str(key)[:60]!a}. {hint}")
        return {key: value[key] for key in keys if value.get(key) is not None}

    def text(self, table: dict[str, Any], key: str, path: str, default: str = "", *, longest: int = 4096) -> str:
        """A text without NUL, which no argument of a program can hold."""
        value = table.get(key, default)
        if not isinstance(value, str):
            self.problem(f"{path}.{key}", "must be a text. Put it into quotes.")
        elif len(value) > longest or "\0" in value:
            self.problem(f"{path}.{key}", f"must be a text of at most {longest} characters, without NUL.")
        else:
            return value
        return default

    def choice(self, table: dict[str, Any], key: str, path: str, choices: tuple[T, ...], default: T) -> T:
        """One of these."""
        value = table.get(key, default)
        for choice in choices:
            if type(value) is type(choice) and value == choice:
                return choice
        self.problem(f"{path}.{key}", f"must be one of {', '.join(map(str, choices))}.")
        return default

    def whole(self, table: dict[str, Any], key: str, path: str, low: int, high: int, default: int) -> int:
        """A whole number within these bounds."""
        value = table.get(key, default)
        if type(value) is not int or not low <= value <= high:
            self.problem(f"{path}.{key}", f"must be a whole number from {low} to {high}.")
            return default
        return value

    def number(self, table: dict[str, Any], key: str, path: str, low: float, high: float, default: T) -> float | T:
        """A number within these bounds."""
        if key not in table:
            return default
        value = table[key]
        if type(value) not in {int, float} or not low <= value <= high:
            self.problem(f"{path}.{key}", f"must be a number from {low:g} to {high:g}.")
            return default
        return float(value)

    def flag(self, table: dict[str, Any], key: str, path: str, *, default: bool) -> bool:
        """True or false."""
        return self.choice(table, key, path, (True, False), default)

    def items(self, table: dict[str, Any], key: str, path: str, *, most: int = 64) -> list[tuple[str, Any]]:
        """The items of a list, each with its path."""
        value = table.get(key, [])
        if not isinstance(value, list) or len(value) > most:
            self.problem(f"{path}.{key}", f"must be a list of at most {most} items.")
            return []
        return [(f"{path}.{key}[{number}]", item) for number, item in enumerate(value)]

    def texts(
        self, table: dict[str, Any], key: str, path: str, check: Callable[[str], bool], rule: str
    ) -> tuple[str, ...]:
        """A list of texts that all pass the check."""
        found = []
        for place, item in self.items(table, key, path):
            if isinstance(item, str) and "\0" not in item and check(item):
                found.append(item)
            else:
                self.problem(place, rule)
        return tuple(found)

    def mapping(
        self, table: dict[str, Any], key: str, path: str, check: Callable[[str], bool], rule: str
    ) -> dict[str, str]:
        """An object whose keys pass the check and whose values are texts; numbers are taken as they are written."""
        value = table.get(key, {})
        if not isinstance(value, dict) or len(value) > 256:
            self.problem(f"{path}.{key}", "must be an object of at most 256 entries.")
            return {}
        found = {}
        for name, entry in value.items():
            text = str(entry) if type(entry) in {int, float} else entry
            if not isinstance(name, str) or not check(name):
                self.problem(f"{path}.{key}", f"has a key {str(name)[:60]!a}, which {rule}")
            elif not isinstance(text, str) or "\0" in text:
                self.problem(f"{path}.{key}.{name}", "must be a text. Put it into quotes.")
            else:
                found[name] = text
        return found

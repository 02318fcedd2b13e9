"""Settings out of their sources: defaults, then a TOML file, then the environment, then the command line.

Pure: what is in the file and in the environment comes as an argument, and every problem is found before any is told.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from botlib import BotError, Secret
from botstate.errors import SettingsError
from botstate.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Path = tuple[str, ...]

PREFIX = "BOT_"
#: Names with the prefix that are no settings: the file to read.
RESERVED = frozenset({"BOT_CONFIG"})


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where settings come from, the weakest first. A value of a later source replaces that of an earlier one.

    `file` is the content of the TOML file and `file_name` what to call it; of `environment` the names that begin with
    `BOT_` count, where two underscores lead into a part (`BOT_MAIL__PORT`); `options` are keys with dots
    ("mail.port") as the command line gives them.
    """

    file: Mapping[str, Any] = field(default_factory=dict)
    file_name: str = "the configuration file"
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


def read_settings(parts: Mapping[str, type], sources: Sources) -> Settings:
    """The settings of these parts (name of the part -> frozen dataclass), or `SettingsError` with every problem.

    A field whose type is a dataclass is a table; any other value is converted by pydantic to the type of its field.
    Text from the environment and from options may be JSON where plain text does not fit. A `ValueError` or `BotError`
    that `__post_init__` raises is a problem of the part. In names of parts a dash and an underscore are the same.
    """
    tree = _Tree(parts)
    for given in _all_given(sources):
        tree.take(given)
    built = {_normal(name): tree.build((_normal(name),)) for name in parts}
    if tree.problems:
        raise SettingsError(*tree.problems)
    return Settings(built, {".".join(path): given.origin for path, given in tree.given.items()})


class _Given(NamedTuple):
    path: Path
    value: Any
    origin: str
    textual: bool


class _Tree:
    """What may be set, what is set, and what is wrong with it."""

    def __init__(self, parts: Mapping[str, type]) -> None:
        self.problems: list[str] = []
        self.given: dict[Path, _Given] = {}
        self._hints: dict[Path, Any] = {}
        self._kinds: dict[Path, type] = {}
        self._tables: dict[Path, list[str]] = {(): [_normal(name) for name in parts]}
        for name, kind in parts.items():
            self._declare(kind, (_normal(name),))

    def _declare(self, kind: type, path: Path) -> None:
        hints = get_type_hints(kind, include_extras=True)
        self._kinds[path] = kind
        self._tables[path] = [it.name for it in fields(kind)]
        for name in self._tables[path]:
            if is_dataclass(hints[name]):
                self._declare(hints[name], (*path, name))
            else:
                self._hints[(*path, name)] = hints[name]

    def take(self, given: _Given) -> None:
        """Note a value if it has a place."""
        if given.path in self._hints:
            self.given[given.path] = given
        elif given.path in self._tables:
            if given.value != {}:
                self.problems.append(f"{given.origin} is a table and needs keys: {_listed(self._tables[given.path])}.")
        else:
            self.problems.append(f"{given.origin} is not known. {self._hint(given.path)}")

    def build(self, path: Path) -> Any:
        """The table at this place as an instance of its dataclass, or None when there are problems."""
        kind = self._kinds[path]
        values: dict[str, Any] = {}
        before = len(self.problems)
        for it in fields(kind):
            place = (*path, it.name)
            if place in self._tables:
                values[it.name] = self.build(place)
            elif place in self.given:
                values[it.name] = self._convert(self.given[place], self._hints[place])
            elif it.default is MISSING and it.default_factory is MISSING:
                self.problems.append(f"{'.'.join(place)} has no value. Set it in the file, or {_variable(place)}.")
        if len(self.problems) > before:
            return None
        try:
            return kind(**values)
        except (ValueError, BotError) as error:
            self.problems.append(f"{'.'.join(path)}: {error}")
            return None

    def _convert(self, given: _Given, hint: Any) -> Any:
        try:
            return _converted(given, hint)
        except _MismatchError as error:
            self.problems.append(f"{given.origin}: {error}")
            return None

    def _hint(self, path: Path) -> str:
        parent = path[:-1]
        while parent not in self._tables and parent not in self._hints:
            parent = parent[:-1]
        if parent in self._hints:
            return f"{'.'.join(parent)} is no table."
        known = self._tables[parent]
        close = get_close_matches(path[len(parent)], known, 1)
        return f"Did you mean {'.'.join((*parent, *close))}?" if close else f"Known are {_listed(known)}."


class _MismatchError(Exception):
    """A value does not have the type of its field."""


def _converted(given: _Given, hint: Any) -> Any:
    if hint is Secret or Secret in get_args(hint):
        if not isinstance(given.value, str):
            raise _MismatchError("A secret is text.")
        return Secret(given.value)
    try:
        return _fit(given.value, hint)
    except _MismatchError:
        if not given.textual:
            raise
        try:
            value = json.loads(given.value)
        except ValueError:
            value = given.value
        return _fit(value, hint)


def _fit(value: Any, hint: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError  # a tenth of a second that only reading settings needs

    if _holds_table(value):
        raise _MismatchError("A table does not fit here.")
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        # The value itself is left out: it may be a secret at the wrong place.
        raise _MismatchError(f"{error.errors(include_input=False, include_url=False)[0]['msg']}.") from None


def _holds_table(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_table(item) for item in value)
    return isinstance(value, dict)


def _all_given(sources: Sources) -> Iterator[_Given]:
    yield from _flatten((), sources.file, sources.file_name)
    for name, text in sorted(sources.environment.items()):
        if name.startswith(PREFIX) and name not in RESERVED:
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield _Given(path, text, name, textual=True)
    for key, text in sources.options.items():
        yield _Given(_path(key.split(".")), text, f"The option {key}", textual=True)


def _flatten(path: tuple[str, ...], table: Mapping[str, Any], file_name: str) -> Iterator[_Given]:
    for name, value in table.items():
        place = (*path, name)
        if isinstance(value, dict) and value:
            yield from _flatten(place, value, file_name)
        else:
            yield _Given(_path(place), value, f"{'.'.join(place)} in {file_name}", textual=False)


def _path(names: tuple[str, ...] | list[str]) -> Path:
    return (_normal(names[0]), *names[1:])


def _normal(part: str) -> str:
    # Services have dashes in their names; variables cannot.
    return part.replace("-", "_")


def _variable(path: Path) -> str:
    return PREFIX + "__".join(path).upper()


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"

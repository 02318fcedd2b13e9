"""Settings out of their sources: defaults, then TOML files, then the environment, then the command line.

Pure: what is in the files and in the environment comes as an argument, and every problem is found before any is told.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from botlib import BotError
from botstate.conversion import MismatchError, convert
from botstate.declaration import default_of, family_of, hints_of, table_of
from botstate.errors import SettingsError
from botstate.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Path = tuple[str, ...]

PREFIX = "BOT_"
#: Names with the prefix that are no settings: the files to read.
RESERVED = frozenset({"BOT_CONFIG"})


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where settings come from, the weakest first. A value of a later source replaces that of an earlier one.

    `files` are the contents of TOML files by their names, in order; of `environment` the names that begin with `BOT_`
    count, where two underscores lead into a part (`BOT_MAIL__PORT`); `options` are keys with dots ("mail.port") as the
    command line gives them.
    """

    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


def read_settings(parts: Mapping[str, type], sources: Sources) -> Settings:
    """The settings of these parts (name of the part -> frozen dataclass), or `SettingsError` with every problem.

    A field whose type is a dataclass is a table, one whose type is `Mapping[str, <dataclass>]` is a table of tables
    that an operator names; a table that may be None is there when one of its keys is set. Any other value is converted
    to the type of its field: `botstate.conversion` says how. A `ValueError` or `BotError` that `__post_init__` raises
    is a problem of the part. In names of parts a dash and an underscore are the same.
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
        self._families: dict[Path, type] = {}
        self._tables: dict[Path, list[str]] = {(): [_normal(name) for name in parts]}
        for name, kind in parts.items():
            self._declare(kind, (_normal(name),))

    def _declare(self, kind: type, path: Path) -> None:
        hints = hints_of(kind)
        self._kinds[path] = kind
        self._tables[path] = [it.name for it in fields(kind) if it.init]
        for name in self._tables[path]:
            place, hint = (*path, name), hints[name]
            table, family = table_of(hint), family_of(hint)
            if table is not None:
                self._declare(table, place)
            elif family is not None:
                self._families[place], self._tables[place] = family, []
            else:
                self._hints[place] = hint

    def take(self, given: _Given) -> None:
        """Note a value if it has a place."""
        path = self._known(given.path)
        if path in self._hints:
            earlier = self.given.get(path)
            if earlier is not None and _is_variable(earlier.origin) and _is_variable(given.origin):
                self.problems.append(f"{earlier.origin} and {given.origin} are the same setting. Unset one of them.")
            self.given[path] = given
        elif path in self._tables:
            if given.value != {}:
                keys = "a name for each table" if path in self._families else _listed(self._tables[path])
                self.problems.append(f"{given.origin} is a table and needs keys: {keys}.")
        else:
            self.problems.append(f"{given.origin} is not known. {self._hint(path)}")

    def _known(self, path: Path) -> Path:
        """The path as it is spelt here; a new name in a table of named tables becomes known."""
        for length in range(1, len(path)):
            family = path[:length]
            if family in self._families:
                name = next((it for it in self._tables[family] if _normal(it) == _normal(path[length])), path[length])
                path = (*family, name, *path[length + 1 :])
                if name not in self._tables[family]:
                    self._tables[family].append(name)
                    self._declare(self._families[family], (*family, name))
        return path

    def build(self, path: Path, default: Any = None) -> Any:
        """The table at this place as an instance of its dataclass, or None when there are problems.

        What is not given is that of `default`, an instance, or else that of the dataclass.
        """
        kind = self._kinds[path]
        before = len(self.problems)
        values = {
            it.name: value
            for it in fields(kind)
            if it.init and (value := self._build_field((*path, it.name), it, default)) is not MISSING
        }
        if len(self.problems) > before:
            return None
        try:
            return kind(**values) if default is None else replace(default, **values)
        except (ValueError, BotError) as error:
            self.problems.append(f"{'.'.join(path)}: {error}")
            return None

    def _build_field(self, place: Path, it: Field[Any], default: Any) -> Any:
        """The value that is given, or MISSING when the default of the field shall count."""
        inherited = default_of(it, default)
        if place in self._families:
            names = self._tables[place]
            return {name: self.build((*place, name)) for name in names} if names else inherited
        if place in self._kinds:
            if inherited is not MISSING and not self._is_given(place):
                return inherited
            return self.build(place, inherited if is_dataclass(inherited) else None)
        if place in self.given:
            return self._convert(self.given[place], self._hints[place])
        if inherited is MISSING:
            self.problems.append(f"{'.'.join(place)} has no value. Set it in the file, or {_variable(place)}.")
        return inherited

    def _is_given(self, table: Path) -> bool:
        return any(path[: len(table)] == table for path in self.given)

    def _convert(self, given: _Given, hint: Any) -> Any:
        try:
            return convert(given.value, hint, textual=given.textual)
        except MismatchError as error:
            self.problems.append(f"{given.origin}: {error}")
            return None

    def _hint(self, path: Path) -> str:
        parent = path[:-1]
        while parent not in self._tables and parent not in self._hints:
            parent = parent[:-1]
        if parent in self._hints:
            return f"{'.'.join(parent)} is no table."
        known = self._tables[parent]
        close = get_close_matches(path[len(parent)].lower(), known, 1)
        return f"Did you mean {'.'.join((*parent, *close))}?" if close else f"Known are {_listed(known)}."


def _all_given(sources: Sources) -> Iterator[_Given]:
    for name, content in sources.files.items():
        yield from _flatten((), content, name)
    for name, text in sorted(sources.environment.items()):
        if _is_variable(name) and name not in RESERVED:
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


def _is_variable(name: str) -> bool:
    return name.startswith(PREFIX)


def _variable(path: Path) -> str:
    return PREFIX + "__".join(path).upper()


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"

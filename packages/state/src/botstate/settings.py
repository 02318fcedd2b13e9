"""The settings of a server, one part for each service that has any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botstate.capability import Capability
from botstate.errors import MissingSettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

S = TypeVar("S")


class Settings:
    """The parts, each an instance of the frozen dataclass that its service declares as `settings`. Does not change.

    `origins` tells where a value came from when it is no default: "mail.port" -> "BOT_MAIL__PORT".
    """

    __slots__ = ("_origins", "_parts")

    def __init__(self, parts: Mapping[str, Any] | None = None, origins: Mapping[str, str] | None = None) -> None:
        self._parts = dict(parts or {})
        self._origins = dict(origins or {})

    def part(self, kind: type[S]) -> S:
        """The part of this kind, or `MissingSettingsError`."""
        for part in self._parts.values():
            if type(part) is kind:
                return part
        raise MissingSettingsError(
            f"There are no settings of the kind {kind.__name__}.",
            remedy="Name it as `settings` in the manifest of the service that asks for it.",
        )

    def rows(self) -> tuple[Setting, ...]:
        """Every value with its key and its origin, in the order of declaration. Secrets show as `Secret(...)`."""
        return tuple(
            Setting(key, value, self._origins.get(key, "default"))
            for name, part in self._parts.items()
            for key, value in _leaves(name, part)
        )


class Setting(NamedTuple):
    """One value of the settings. `origin` is a file, a variable, an option of the command, or "default"."""

    key: str
    value: Any
    origin: str


SETTINGS = Capability[Settings]("settings")


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _leaves(f"{key}.{field.name}", getattr(value, field.name))
    elif isinstance(value, Mapping):
        for name, table in value.items():
            yield from _leaves(f"{key}.{name}", table)
    else:
        yield key, value

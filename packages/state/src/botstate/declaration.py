"""What may be set: the settings that dataclasses declare by their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from botstate.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Declared(NamedTuple):
    """One setting. `default` is `dataclasses.MISSING` when it must be set; `NAME` in `key` is the operator's choice."""

    key: str
    hint: Any
    default: Any


def declared_settings(parts: Mapping[str, type]) -> Iterator[Declared]:
    """Every setting of these parts (name of the part -> dataclass), in the order of declaration."""
    for name, kind in parts.items():
        yield from _declared(name.replace("-", "_"), kind, None)


def hints_of(kind: type) -> dict[str, Any]:
    """The types of the fields of a dataclass. `SettingsError` when one of them is not there when the program runs."""
    try:
        return get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise SettingsError(
            f"{kind.__name__} uses {error.name}, which its module imports for type checkers only. Import it always."
        ) from None


def table_of(hint: Any) -> type | None:
    """The dataclass, when the type is one, or one or None: such a setting is a table."""
    if get_origin(hint) in {Union, UnionType}:
        others = [it for it in get_args(hint) if it is not NoneType]
        hint = others[0] if len(others) == 1 else None
    return hint if isinstance(hint, type) and is_dataclass(hint) else None


def family_of(hint: Any) -> type | None:
    """The dataclass of the values, when the type is a mapping to one: such a setting is a table of named tables."""
    kind = get_origin(hint)
    if not (isinstance(kind, type) and issubclass(kind, Mapping)):
        return None
    return table_of(get_args(hint)[1])


def default_of(field: Field[Any], instance: Any = None) -> Any:
    """What a field is when nothing is set: that of the instance when there is one. MISSING when it has no default."""
    if instance is not None:
        return getattr(instance, field.name)
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _declared(key: str, kind: type, instance: Any) -> Iterator[Declared]:
    hints = hints_of(kind)
    for field in fields(kind):
        if field.init:
            place, hint, default = f"{key}.{field.name}", hints[field.name], default_of(field, instance)
            table, family = table_of(hint), family_of(hint)
            if family is not None:
                yield from _declared(f"{place}.NAME", family, None)
            elif table is not None:
                yield from _declared(place, table, default if is_dataclass(default) else None)
            else:
                yield Declared(place, hint, default)

"""Turns a value out of a source into the type of its setting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from botlib import BotError, Quantity, Secret, parse_bytes, parse_seconds

_PARSERS = {"seconds": parse_seconds, "bytes": parse_bytes}


class MismatchError(Exception):
    """Why a value does not fit. Never repeats the value, which may be a secret at the wrong place."""


def convert(value: Any, hint: Any, *, textual: bool) -> Any:
    """The value as `hint` wants it, or `MismatchError`.

    Pydantic converts; besides, what is empty is None where None is allowed, a `Secret` is text that is taken as it is,
    and a `Quantity` may have a unit. `textual` values (of variables and options) are text, whatever the type is: where
    plain text does not fit it may be JSON, and several values may be parted by commas.
    """
    try:
        return _fit(value, hint)
    except MismatchError as error:
        other = _read(value, several=_shape(hint).items is not None) if textual else _UNREADABLE
        if other is _UNREADABLE:
            raise error from None
    return _fit(other, hint)


_UNREADABLE = object()


def _read(text: str, *, several: bool) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        if not several:
            return _UNREADABLE
    return [part.strip() for part in text.split(",")] if text.strip() else []


class _Shape(NamedTuple):
    """What matters of a type: its only alternative besides None, the mark of a quantity, and the type of its items."""

    kind: Any
    optional: bool
    quantity: Quantity | None
    items: Any


def _shape(hint: Any) -> _Shape:
    optional, quantity = False, None
    while True:
        if get_origin(hint) is Annotated:
            quantity = next((it for it in hint.__metadata__ if isinstance(it, Quantity)), quantity)
            hint = get_args(hint)[0]
        elif get_origin(hint) in {Union, UnionType} and NoneType in get_args(hint):
            optional = True
            others = tuple(it for it in get_args(hint) if it is not NoneType)
            hint = others[0] if len(others) == 1 else Union[others]  # noqa: UP007 - made at run time
        else:
            return _Shape(hint, optional, quantity, _items_of(hint))


def _items_of(hint: Any) -> Any:
    kind = get_origin(hint)
    several = isinstance(kind, type) and issubclass(kind, Sequence | AbstractSet)
    return get_args(hint)[0] if several and get_args(hint) else None


def _fit(value: Any, hint: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter, ValidationError  # a tenth of a second that only settings need

    if _holds_table(value):
        raise MismatchError("A table does not fit here.")
    prepared = _prepare(value, hint)
    try:
        fitting = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(prepared)
    except ValidationError as error:
        raise MismatchError(f"{error.errors(include_input=False, include_url=False)[0]['msg']}.") from None
    if isinstance(value, bool) and isinstance(fitting, int | float) and not isinstance(fitting, bool):
        raise MismatchError("Input should be a number, not true or false.")
    return fitting


def _prepare(value: Any, hint: Any) -> Any:
    shape = _shape(hint)
    if value == "" and shape.optional:
        return None
    if shape.kind is Secret:
        if not isinstance(value, str):
            raise MismatchError("A secret is text.")
        return Secret(value)
    if shape.quantity is not None and isinstance(value, str):
        try:
            return _PARSERS[shape.quantity.unit](value)
        except BotError as error:
            raise MismatchError(str(error)) from None
    if shape.items is not None and isinstance(value, list):
        return [_prepare(item, shape.items) for item in value]
    return value


def _holds_table(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_table(item) for item in value)
    return isinstance(value, dict)

"""Results of handlers as JSON that every client reads exactly."""

from __future__ import annotations

import math
from typing import Any

from botserver_workflows.errors import UnrepresentableError

#: Larger whole numbers are written as decimal strings: many readers of JSON hold numbers in 64 bits (contract, 9).
LARGEST_NUMBER = 2**63 - 1
_DEEPEST = 100


def to_json(value: Any, *, where: str = "result", depth: int = 0) -> Any:
    """The value as objects, lists, strings, numbers, booleans and null, or `UnrepresentableError` with the place.

    Whole numbers beyond 64 bits become decimal strings; tuples become lists.
    """
    if depth > _DEEPEST:
        raise UnrepresentableError(where, f"it is nested more than {_DEEPEST} levels deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked(value, where)
    if isinstance(value, int):
        return value if -LARGEST_NUMBER - 1 <= value <= LARGEST_NUMBER else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UnrepresentableError(where, f"JSON has no {value}")
        return value
    if isinstance(value, list | tuple):
        return [to_json(item, where=f"{where}[{index}]", depth=depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise UnrepresentableError(where, f"the key {key!r} is no text")
            _checked(key, where)
        return {key: to_json(item, where=f"{where}.{key}", depth=depth + 1) for key, item in value.items()}
    raise UnrepresentableError(where, f"JSON has no {type(value).__name__}")


def _checked(text: str, where: str) -> str:
    # PostgreSQL stores no NUL, and half a pair of surrogates is no text at all.
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise UnrepresentableError(where, "its text has a sign that cannot be stored")
    return text

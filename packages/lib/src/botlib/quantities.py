"""Spans of time and sizes as people write them: "1h 30m", "10 MiB"."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

from botlib.errors import InvalidError


class Quantity(NamedTuple):
    """Marks the type of a number that may also be written with a unit."""

    unit: Literal["seconds", "bytes"]


#: A number of seconds, and one of bytes: types for settings, which may then be written as text with a unit.
Seconds = Annotated[float, Quantity("seconds")]
Bytes = Annotated[int, Quantity("bytes")]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_BYTES: dict[str, int] = {"": 1, "b": 1} | {
    f"{prefix}{ending}": base**power
    for base, ending in ((1000, "b"), (1024, "ib"))
    for power, prefix in enumerate("kmgt", 1)
}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|min|[smhd])\s*")
_SIZE = re.compile(r"([0-9]+)\s*([a-z]*)")


def parse_seconds(text: str) -> float:
    """Seconds of "2h", "1h 30m", "500ms" or "1.5"; `InvalidError` for anything else, which does not repeat the text."""
    text = text.strip().lower()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    if not re.fullmatch(f"({_SPAN.pattern})+", text):
        raise InvalidError("This is no span of time.", remedy="Write a number of seconds, or 500ms, 30s, 5m, 2h, 1d.")
    return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text))


def parse_bytes(text: str) -> int:
    """Bytes of "512", "10 MiB" (1024²) or "10 MB" (1000²); `InvalidError` for anything else, without the text."""
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found[2] not in _BYTES:
        raise InvalidError("This is no size.", remedy="Write a number of bytes, or 64 KiB, 10 MiB, 2 GB.")
    return int(found[1]) * _BYTES[found[2]]

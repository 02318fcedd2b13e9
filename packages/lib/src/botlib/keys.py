"""Keys of stored objects that are safe to use as a relative path, on every system and in every object store."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NewType, TypeVar

from botlib.errors import InvalidError

if TYPE_CHECKING:
    from pathlib import PurePath

P = TypeVar("P", bound="PurePath")

#: A relative key in its one spelling: parts joined by "/", none of which can lead anywhere else. Made by `parse_key`.
SafeKey = NewType("SafeKey", str)

LONGEST_KEY = 1024  # bytes in UTF-8; the limit of S3
LONGEST_PART = 255  # bytes in UTF-8; the limit of common file systems

_REMEDY = "Use a relative name such as reports/2030/january.pdf."
# Windows opens these as devices, with any extension and in any case.
_DEVICES = frozenset(
    [
        "con",
        "prn",
        "aux",
        "nul",
        "conin$",
        "conout$",
        *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"),
    ]
)
# Characters that are forbidden in Windows file names; ":" also separates drives and alternate streams.
_FORBIDDEN = frozenset('\\:*?"<>|')
# They make a name look like another one: right-to-left overrides and isolates.
_DECEIVING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def parse_key(text: str) -> SafeKey:
    """The key in its one spelling (Unicode form C), or `InvalidError` with the rule that it breaks.

    A key is refused rather than repaired: two callers must never reach one object by two spellings, and a repaired
    name may be somebody else's. The one exception is the form of accents, which differs by the caller's system.
    """
    key = unicodedata.normalize("NFC", text)
    if not key:
        raise InvalidError("The key is empty.", remedy=_REMEDY)
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in key):
        raise InvalidError(f"The key {text!a} holds a control character.", remedy=_REMEDY)
    if len(key.encode()) > LONGEST_KEY:
        raise InvalidError(f"The key is longer than {LONGEST_KEY} bytes: {text[:40]!a}…", remedy=_REMEDY)
    for part in key.split("/"):
        _check_part(part, text)
    return SafeKey(key)


def join_key(folder: SafeKey, name: str) -> SafeKey:
    """The key of `name` below `folder`; `name` is checked, so it may come from a stranger."""
    return parse_key(f"{folder}/{parse_key(name)}")


def path_below(folder: P, key: SafeKey) -> P:
    """The path of `key` below `folder`, on the system whose kind of path `folder` is.

    Lexically it cannot lead anywhere else. What lies there may still be a link that does: whoever opens it looks.
    """
    return folder.joinpath(*key.split("/"))


def _check_part(part: str, text: str) -> None:
    if not part:
        raise InvalidError(f"The key {text!a} begins or ends with a slash, or holds two in a row.", remedy=_REMEDY)
    if part in {".", ".."}:
        raise InvalidError(f"The key {text!a} holds a step to another folder ({part}).", remedy=_REMEDY)
    if found := sorted((_FORBIDDEN | _DECEIVING).intersection(part)):
        raise InvalidError(f"The key {text!a} holds {found[0]!a}, which is not allowed.", remedy=_REMEDY)
    if len(part.encode()) > LONGEST_PART:
        raise InvalidError(f"A part of the key {text[:40]!a}… is longer than {LONGEST_PART} bytes.", remedy=_REMEDY)
    if part.startswith(" ") or part.endswith((" ", ".")):
        raise InvalidError(
            f"A part of the key {text!a} begins or ends with a space or ends with a dot.", remedy=_REMEDY
        )
    if part.split(".", 1)[0].rstrip(" ").casefold() in _DEVICES:
        raise InvalidError(f"The key {text!a} holds {part!a}, the name of a device on Windows.", remedy=_REMEDY)

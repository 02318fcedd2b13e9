"""A value that shows itself only when asked to."""

from __future__ import annotations

from hmac import compare_digest
from typing import NoReturn


class Secret:
    """Text that never appears in a log, a message, a traceback or a pickle. `reveal()` is the one way to it.

    Two secrets are compared in a time that does not depend on where they differ.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it where it is used, and do not keep the result."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is not pickled.")

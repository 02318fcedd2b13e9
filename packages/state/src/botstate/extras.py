"""Adapters of foreign systems are extras: what to say when one is asked for and not installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botstate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator


class MissingExtraError(StateError):
    """The settings ask for a backend whose library is not installed."""

    code = "missing-extra"


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Around the import of an adapter: `MissingExtraError` when its library is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library == "botstate":
            raise  # our own mistake
        raise MissingExtraError(
            f"{purpose} needs the library {library}, which is not installed.",
            remedy=f"Install botstate[{extra}].",
        ) from None

"""Where a server keeps what it must not lose on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import DatabaseSettings

if TYPE_CHECKING:
    from botstate import Settings


def data_folders(settings: Settings) -> tuple[str, ...]:
    """The folders, absolute and sorted."""
    return (str(settings.part(DatabaseSettings).file.absolute().parent),)


def is_new(settings: Settings) -> bool:
    """Whether the database is a file that the first start will make."""
    return not settings.part(DatabaseSettings).file.exists()

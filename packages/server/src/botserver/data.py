"""Where a server keeps what it must not lose on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import DatabaseSettings, DataFolder, DataSettings

if TYPE_CHECKING:
    from pathlib import Path

    from botstate import Settings


def data_folders(settings: Settings) -> tuple[str, ...]:
    """The data folder, and that of the database file where it lies elsewhere; absolute."""
    folder = DataFolder(settings.part(DataSettings).folder)
    elsewhere = [] if folder.path in _file(settings).parents else [str(_file(settings).parent)]
    return (str(folder.path), *elsewhere)


def is_new(settings: Settings) -> bool:
    """Whether the database is a file that the first start will make."""
    return not settings.part(DatabaseSettings).url and not _file(settings).exists()


def _file(settings: Settings) -> Path:
    return DataFolder(settings.part(DataSettings).folder).place(settings.part(DatabaseSettings).file)

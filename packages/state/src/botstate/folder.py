"""The data folder: everything that a server keeps on this machine lies below it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from botlib import InvalidError
from botstate.capability import Capability


@dataclass(frozen=True)
class DataSettings:
    """`folder` holds the database file and whatever else a server stores here. Relative to the working folder."""

    folder: Path = Path("data")


class DataFolder:
    """Made when the first file is put into it, so that a server that keeps nothing here needs no place to write."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def path(self) -> Path:
        """Its absolute path. It may not be there yet."""
        return self._path

    def place(self, path: Path) -> Path:
        """The absolute path of something below the folder; one that is absolute already stays what it is."""
        return self._path / path

    def make(self) -> Path:
        """The folder itself, which only its owner may enter, or `InvalidError`. One that is there is left as it is."""
        try:
            os.makedirs(self._path.parent, exist_ok=True)
            self._path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InvalidError(
                f"The data folder {self._path} cannot be made: {error.strerror}.", remedy="Set data.folder."
            ) from error
        return self._path


DATA_FOLDER = Capability[DataFolder]("data-folder")

"""Sets the log up as the settings say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botlib import UnavailableError
from botserver.settings import LogSettings
from botserver_core import configure_logging

if TYPE_CHECKING:
    from botstate import Settings


def start_logging(settings: Settings) -> None:
    """Log from now on as these settings say. Raises `UnavailableError` when the folder cannot be written to."""
    wanted = settings.part(LogSettings)
    try:
        configure_logging(wanted.level.upper(), folder=wanted.folder)
    except OSError as error:
        raise UnavailableError(
            f"The log cannot be written: {error.filename}: {error.strerror}.", remedy="Set logs.folder to another one."
        ) from None
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its own plugins at every start

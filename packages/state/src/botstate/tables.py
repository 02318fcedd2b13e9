"""The tables that botstate itself keeps. Each module declares its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botstate.events.tables
import botstate.outbox.tables
import botstate.webhooks.tables  # noqa: F401 - declares them
from botstate.metadata import metadata

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def all_tables() -> MetaData:
    """All of them."""
    return metadata

"""The tables that botstate itself keeps: what they have in common."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()


def all_tables() -> MetaData:
    """All of them: each module declares its own, so the modules are imported first."""
    import botstate.events.tables
    import botstate.outbox.tables
    import botstate.webhooks.tables  # noqa: F401 - declares them

    return metadata

"""The tables that botstate itself keeps: what they have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, MetaData, TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect

metadata = MetaData()


def all_tables() -> MetaData:
    """All of them: each module declares its own, so the modules are imported first."""
    import botstate.events.tables
    import botstate.outbox.tables
    import botstate.webhooks.tables  # noqa: F401 - declares them

    return metadata


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time. SQLite keeps no zone, so what it keeps is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)

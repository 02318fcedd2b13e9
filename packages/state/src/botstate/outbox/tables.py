"""The tables of the outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time. SQLite keeps no zone, so what it keeps is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


metadata = MetaData()

messages = Table(
    "outbox_message",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    # When somebody may take it: for a message that is being delivered, when its lease ends.
    Column("due", UtcDateTime, nullable=False),
    # Who delivers it now, or died doing so.
    Column("claim", Uuid),
    Column("worker", String(200)),
    Column("claimed", UtcDateTime),
    Index("outbox_message_due", "state", "due"),
    Index("outbox_message_key", "key", "id"),
)

deliveries = Table(
    "outbox_delivery",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("message", Uuid, ForeignKey(messages.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("worker", String(200), nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("next_try", UtcDateTime),
)

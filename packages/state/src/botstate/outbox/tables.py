"""The tables of the outbox."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid

from botstate.columns import UtcDateTime
from botstate.metadata import metadata

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
    Column("message", Uuid, ForeignKey(messages.c.id, ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", String(200), nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("next_try", UtcDateTime),
    Index("outbox_delivery_message", "message"),
)

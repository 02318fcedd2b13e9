"""The table of webhooks."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text, Uuid

from botstate.columns import UtcDateTime
from botstate.metadata import metadata

webhooks = Table(
    "webhook",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    # [{"text": "whsec_…", "until": null or seconds since 1970}], the newest first: see decision 0016.
    Column("secrets", JSON, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("disabled", Text, nullable=False),
    Index("webhook_owner", "owner", "id"),
)

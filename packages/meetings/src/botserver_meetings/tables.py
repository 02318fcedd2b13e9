"""The tables. The row of a meeting is the only place that keeps the state of its bot."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from botserver_meetings.states import Status
from botstate.columns import Counter, Json, UtcDateTime

metadata = MetaData()


def _id(table: str, *, index: bool = False) -> Column[Any]:
    name = {"meetings_users": "user_id", "meetings": "meeting_id"}[table]
    return Column(name, Counter, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, index=index)


users = Table(
    "meetings_users",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("email", String(255), nullable=False, unique=True),
    Column("name", String(100)),
    Column("image_url", Text),
    Column("max_concurrent_bots", Integer, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("webhook_id", String(36)),
    CheckConstraint("max_concurrent_bots >= 0", name="meetings_users_limit"),
)

#: `token_hash` is all that is kept of a token, besides `shown`, its masked form.
tokens = Table(
    "meetings_tokens",
    metadata,
    Column("id", Counter, primary_key=True),
    _id("meetings_users", index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("shown", String(40), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
)

#: `history` is every step of `status`. `bot` is what a bot is started with. `launched_at` is null while the start is
#: still owed; who starts it has put its time into `launch_claimed_at` first. `beat_at` is the last sign of life.
#: `command` is the number of the last command to the bot, `leave_at` when it was told to leave.
meetings = Table(
    "meetings",
    metadata,
    Column("id", Counter, primary_key=True),
    _id("meetings_users"),
    Column("platform", String(100), nullable=False),
    Column("platform_specific_id", String(255), nullable=False),
    Column("meeting_url", Text),
    Column("status", String(50), nullable=False),
    Column("history", Json, nullable=False),
    Column("bot_container_id", String(255), nullable=False),
    Column("bot", Json, nullable=False),
    Column("launch_claimed_at", UtcDateTime, nullable=False),
    Column("launched_at", UtcDateTime),
    Column("start_time", UtcDateTime),
    Column("end_time", UtcDateTime),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("leave_at", UtcDateTime),
    Column("command", Integer, nullable=False),
    Column("data", Json, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ({})".format(", ".join(f"'{it.value}'" for it in Status)), name="meetings_status"),
    Index("meetings_by_name", "user_id", "platform", "platform_specific_id", "created_at"),
    Index("meetings_by_state", "user_id", "status"),
)
# The sweep looks at open meetings of all users; they are few among many that ended.
Index(
    "meetings_open",
    meetings.c.status,
    postgresql_where=meetings.c.status.not_in(["completed", "failed"]),
    sqlite_where=meetings.c.status.not_in(["completed", "failed"]),
)

#: A bot that may speak for a meeting: `session_uid` is its connection id. A meeting whose bot had to be started again
#: has the newer one only, which shuts the older one out.
sessions = Table(
    "meetings_sessions",
    metadata,
    Column("id", Counter, primary_key=True),
    _id("meetings"),
    Column("session_uid", String(64), nullable=False, unique=True),
    Column("token_hash", String(64), nullable=False),
    Column("session_start_time", UtcDateTime, nullable=False),
    UniqueConstraint("meeting_id", "session_uid", name="meetings_sessions_pair"),
)

#: What the bot of a meeting is to do, in order. It is told by messages that may be lost, and reads here what it missed.
commands = Table(
    "meetings_commands",
    metadata,
    Column("meeting_id", Counter, ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("action", String(20), nullable=False),
    Column("language", String(10)),
    Column("task", String(20)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("applied_at", UtcDateTime),
)

#: `key` is the start in milliseconds: a piece that comes again replaces the one with its key, until that is final.
transcriptions = Table(
    "meetings_transcriptions",
    metadata,
    Column("id", Counter, primary_key=True),
    _id("meetings"),
    Column("session_uid", String(64), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("start_time", Float, nullable=False),
    Column("end_time", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("speaker", String(255)),
    Column("language", String(10)),
    Column("final", Boolean, nullable=False),
    Column("session_start", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("meeting_id", "session_uid", "key", name="meetings_transcriptions_piece"),
    Index("meetings_transcriptions_by_start", "meeting_id", "start_time"),
)

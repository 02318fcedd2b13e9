"""Make the tables of users, tokens, meetings, sessions, commands and transcripts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "meetings_0001"
down_revision = None
branch_labels = ("meetings",)
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OBJECT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
STATES = "'reserved', 'starting', 'awaiting_admission', 'active', 'stopping', 'completed', 'failed'"
OPEN = sa.text("status NOT IN ('completed', 'failed')")

# An end is an end, whatever a program or a person with a console tries.
GUARDS = {
    "postgresql": (
        """
        CREATE FUNCTION meetings_guard_end() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'meeting % is %, which is final', OLD.id, OLD.status; END $$
        """,
        """
        CREATE TRIGGER meetings_end BEFORE UPDATE ON meetings FOR EACH ROW
        WHEN (OLD.status IN ('completed', 'failed') AND NEW.status <> OLD.status)
        EXECUTE FUNCTION meetings_guard_end()
        """,
    ),
    "sqlite": (
        """
        CREATE TRIGGER meetings_end BEFORE UPDATE OF status ON meetings FOR EACH ROW
        WHEN OLD.status IN ('completed', 'failed') AND NEW.status <> OLD.status
        BEGIN SELECT RAISE(ABORT, 'this meeting is over, which is final'); END
        """,
    ),
}


def upgrade() -> None:
    op.create_table(
        "meetings_users",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=100)),
        sa.Column("image_url", sa.Text()),
        sa.Column("max_concurrent_bots", sa.Integer(), nullable=False),
        sa.Column("data", OBJECT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("webhook_id", sa.String(length=36)),
        sa.CheckConstraint("max_concurrent_bots >= 0", name="meetings_users_limit"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "meetings",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("platform", sa.String(length=100), nullable=False),
        sa.Column("platform_specific_id", sa.String(length=255), nullable=False),
        sa.Column("meeting_url", sa.Text()),
        sa.Column("status", sa.String(length=50), nullable=False),
        sa.Column("history", OBJECT, nullable=False),
        sa.Column("bot_container_id", sa.String(length=255), nullable=False),
        sa.Column("bot", OBJECT, nullable=False),
        sa.Column("launch_claimed_at", MOMENT, nullable=False),
        sa.Column("launched_at", MOMENT),
        sa.Column("start_time", MOMENT),
        sa.Column("end_time", MOMENT),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.Column("leave_at", MOMENT),
        sa.Column("command", sa.Integer(), nullable=False),
        sa.Column("data", OBJECT, nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint(f"status IN ({STATES})", name="meetings_status"),
        sa.ForeignKeyConstraint(["user_id"], ["meetings_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("meetings_by_name", "meetings", ["user_id", "platform", "platform_specific_id", "created_at"])
    op.create_index("meetings_by_state", "meetings", ["user_id", "status"])
    op.create_index("meetings_open", "meetings", ["status"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_table(
        "meetings_tokens",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("shown", sa.String(length=40), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.ForeignKeyConstraint(["user_id"], ["meetings_users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_meetings_tokens_user_id", "meetings_tokens", ["user_id"])
    op.create_table(
        "meetings_commands",
        sa.Column("meeting_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=10)),
        sa.Column("task", sa.String(length=20)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("applied_at", MOMENT),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("meeting_id", "number"),
    )
    op.create_table(
        "meetings_sessions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("meeting_id", NUMBER, nullable=False),
        sa.Column("session_uid", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_start_time", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("meeting_id", "session_uid", name="meetings_sessions_pair"),
        sa.UniqueConstraint("session_uid"),
    )
    op.create_table(
        "meetings_transcriptions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("meeting_id", NUMBER, nullable=False),
        sa.Column("session_uid", sa.String(length=64), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("start_time", sa.Float(), nullable=False),
        sa.Column("end_time", sa.Float(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("speaker", sa.String(length=255)),
        sa.Column("language", sa.String(length=10)),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("session_start", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meetings.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("meeting_id", "session_uid", "key", name="meetings_transcriptions_piece"),
    )
    op.create_index("meetings_transcriptions_by_start", "meetings_transcriptions", ["meeting_id", "start_time"])
    for statement in GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("meetings_transcriptions_by_start", table_name="meetings_transcriptions")
    op.drop_table("meetings_transcriptions")
    op.drop_table("meetings_sessions")
    op.drop_table("meetings_commands")
    op.drop_index("ix_meetings_tokens_user_id", table_name="meetings_tokens")
    op.drop_table("meetings_tokens")
    op.drop_index("meetings_open", table_name="meetings")
    op.drop_index("meetings_by_state", table_name="meetings")
    op.drop_index("meetings_by_name", table_name="meetings")
    op.drop_table("meetings")
    op.drop_table("meetings_users")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION meetings_guard_end()")

"""The outbox, webhooks, and who follows events."""

import sqlalchemy as sa
from alembic import op

revision = "database_0001"
down_revision = None
branch_labels = ("database",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.Uuid),
        sa.Column("worker", sa.String(200)),
        sa.Column("claimed", sa.DateTime(timezone=True)),
    )
    op.create_index("outbox_message_due", "outbox_message", ["state", "due"])
    op.create_index("outbox_message_key", "outbox_message", ["key", "id"])
    op.create_table(
        "outbox_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("message", sa.Uuid, sa.ForeignKey("outbox_message.id", ondelete="CASCADE"), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(200), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("next_try", sa.DateTime(timezone=True)),
    )
    op.create_index("outbox_delivery_message", "outbox_delivery", ["message"])
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.JSON, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("disabled", sa.Text, nullable=False),
    )
    op.create_index("webhook_owner", "webhook", ["owner", "id"])
    op.create_table(
        "event_follower",
        sa.Column("topic", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
    )


def downgrade() -> None:
    op.drop_table("event_follower")
    op.drop_table("webhook")
    op.drop_table("outbox_delivery")
    op.drop_table("outbox_message")

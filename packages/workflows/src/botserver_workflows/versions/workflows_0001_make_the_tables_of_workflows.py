"""Make the tables of workflows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "workflows_0001"
down_revision = None
branch_labels = ("workflows",)
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "workflows_fenced",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("step_id", sa.Uuid(), nullable=False),
        sa.Column("dispatch", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("workflows_fenced", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workflows_fenced_step_id"), ["step_id"], unique=False)
    op.create_table(
        "workflows_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("namespace", "name", "version", "checksum"),
    )
    op.create_table(
        "workflows_transition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("dispatch", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", _JSON, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("workflows_transition", schema=None) as batch_op:
        batch_op.create_index(
            "workflows_transition_once",
            ["subject_id", "dispatch"],
            unique=True,
            sqlite_where=sa.text("to_state = 'enqueued'"),
            postgresql_where=sa.text("to_state = 'enqueued'"),
        )
        batch_op.create_index("workflows_transition_subject", ["subject_id", "id"], unique=False)
    op.create_table(
        "workflows_worker",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("namespaces", _JSON, nullable=False),
        sa.Column("handlers", _JSON, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("workflows_worker", schema=None) as batch_op:
        batch_op.create_index("workflows_worker_lease", ["state", "lease_until"], unique=False)
    op.create_table(
        "workflows_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_steps", sa.Integer(), nullable=False),
        sa.Column("failed_steps", sa.Integer(), nullable=False),
        sa.Column("decided", _JSON, nullable=False),
        sa.Column("context", _JSON, nullable=False),
        sa.Column("initiator", sa.Text(), nullable=False),
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("bypassed", _JSON, nullable=False),
        sa.Column("options", _JSON, nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("parent_correlation_id", sa.Uuid(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["workflows_template.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
    )
    with op.batch_alter_table("workflows_task", schema=None) as batch_op:
        batch_op.create_index("workflows_task_listed", ["namespace", "created_at"], unique=False)
        batch_op.create_index("workflows_task_stale", ["state", "state_since"], unique=False)
    op.create_table(
        "workflows_dead_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("original_state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution_notes", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("snapshot", _JSON, nullable=False),
        sa.Column("metadata", _JSON, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["workflows_task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("workflows_dead_letter", schema=None) as batch_op:
        batch_op.create_index(
            "workflows_dead_letter_pending",
            ["task_id"],
            unique=True,
            sqlite_where=sa.text("resolution = 'pending'"),
            postgresql_where=sa.text("resolution = 'pending'"),
        )
    op.create_table(
        "workflows_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("dispatch", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("retryable", sa.Boolean(), nullable=False),
        sa.Column("remaining_parents", sa.Integer(), nullable=False),
        sa.Column("total_parents", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("timeout_seconds", sa.Float(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("claim_token", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("backoff_request_seconds", sa.Float(), nullable=True),
        sa.Column("last_attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", _JSON, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["workflows_task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "name"),
    )
    with op.batch_alter_table("workflows_step", schema=None) as batch_op:
        batch_op.create_index(
            "workflows_step_due",
            ["next_retry_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting_for_retry'"),
            postgresql_where=sa.text("state = 'waiting_for_retry'"),
        )
        batch_op.create_index(
            "workflows_step_enqueued",
            ["namespace", "priority", "enqueued_at"],
            unique=False,
            sqlite_where=sa.text("state = 'enqueued'"),
            postgresql_where=sa.text("state = 'enqueued'"),
        )
        batch_op.create_index(
            "workflows_step_running",
            ["worker_id", "started_at"],
            unique=False,
            sqlite_where=sa.text("state = 'in_progress'"),
            postgresql_where=sa.text("state = 'in_progress'"),
        )
    op.create_table(
        "workflows_edge",
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("child_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["child_id"], ["workflows_step.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["workflows_step.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("parent_id", "child_id"),
    )
    with op.batch_alter_table("workflows_edge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workflows_edge_child_id"), ["child_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("workflows_edge", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workflows_edge_child_id"))
    op.drop_table("workflows_edge")
    with op.batch_alter_table("workflows_step", schema=None) as batch_op:
        batch_op.drop_index(
            "workflows_step_running",
            sqlite_where=sa.text("state = 'in_progress'"),
            postgresql_where=sa.text("state = 'in_progress'"),
        )
        batch_op.drop_index(
            "workflows_step_enqueued",
            sqlite_where=sa.text("state = 'enqueued'"),
            postgresql_where=sa.text("state = 'enqueued'"),
        )
        batch_op.drop_index(
            "workflows_step_due",
            sqlite_where=sa.text("state = 'waiting_for_retry'"),
            postgresql_where=sa.text("state = 'waiting_for_retry'"),
        )
    op.drop_table("workflows_step")
    with op.batch_alter_table("workflows_dead_letter", schema=None) as batch_op:
        batch_op.drop_index(
            "workflows_dead_letter_pending",
            sqlite_where=sa.text("resolution = 'pending'"),
            postgresql_where=sa.text("resolution = 'pending'"),
        )
    op.drop_table("workflows_dead_letter")
    with op.batch_alter_table("workflows_task", schema=None) as batch_op:
        batch_op.drop_index("workflows_task_stale")
        batch_op.drop_index("workflows_task_listed")
    op.drop_table("workflows_task")
    with op.batch_alter_table("workflows_worker", schema=None) as batch_op:
        batch_op.drop_index("workflows_worker_lease")
    op.drop_table("workflows_worker")
    with op.batch_alter_table("workflows_transition", schema=None) as batch_op:
        batch_op.drop_index("workflows_transition_subject")
        batch_op.drop_index(
            "workflows_transition_once",
            sqlite_where=sa.text("to_state = 'enqueued'"),
            postgresql_where=sa.text("to_state = 'enqueued'"),
        )
    op.drop_table("workflows_transition")
    op.drop_table("workflows_template")
    with op.batch_alter_table("workflows_fenced", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workflows_fenced_step_id"))
    op.drop_table("workflows_fenced")

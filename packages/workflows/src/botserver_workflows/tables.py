"""What is stored. These tables are the truth; an engine carries no more than the hint that a step may run.

All times come from the clock of the database, or on SQLite from that of the one machine that uses it.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from botstate.columns import Json, UtcDateTime

metadata = MetaData()

#: One row for each content of a template that was ever loaded. A task keeps the one that it was made from.
templates = Table(
    "workflows_template",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("namespace", "name", "version", "checksum"),
)

#: `open_steps` counts the steps that have not ended, `failed_steps` those in error; `decided` holds the children
#: that each completed decision named.
tasks = Table(
    "workflows_task",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("template_id", Uuid, ForeignKey("workflows_template.id"), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("open_steps", Integer, nullable=False),
    Column("failed_steps", Integer, nullable=False),
    Column("decided", Json, nullable=False),
    Column("context", Json, nullable=False),
    Column("initiator", Text, nullable=False),
    Column("source_system", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("bypassed", Json, nullable=False),
    Column("options", Json),
    Column("priority", Integer, nullable=False),
    Column("correlation_id", Uuid, nullable=False),
    Column("parent_correlation_id", Uuid),
    Column("idempotency_key", Text, unique=True),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("state_since", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
    Index("workflows_task_listed", "namespace", "created_at"),
    Index("workflows_task_stale", "state", "state_since"),
)

#: `dispatch` is the fence: it grows whenever the step is enqueued, cancelled, reset or changed by a person, and whoever
#: holds an older number changes nothing any more. `attempts` counts starts; `released` those that were given back.
steps = Table(
    "workflows_step",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("task_id", Uuid, ForeignKey("workflows_task.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("handler", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("dispatch", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("released", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("retryable", Boolean, nullable=False),
    Column("remaining_parents", Integer, nullable=False),
    Column("total_parents", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("timeout_seconds", Float, nullable=False),
    Column("worker_id", Uuid),
    Column("claim_token", Uuid),
    Column("started_at", UtcDateTime),
    Column("enqueued_at", UtcDateTime),
    Column("next_retry_at", UtcDateTime),
    Column("backoff_request_seconds", Float),
    Column("last_attempted_at", UtcDateTime),
    Column("last_failure_at", UtcDateTime),
    Column("result", Json),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
    UniqueConstraint("task_id", "name"),
    Index(
        "workflows_step_due",
        "next_retry_at",
        sqlite_where=text("state = 'waiting_for_retry'"),
        postgresql_where=text("state = 'waiting_for_retry'"),
    ),
    Index(
        "workflows_step_running",
        "worker_id",
        "started_at",
        sqlite_where=text("state = 'in_progress'"),
        postgresql_where=text("state = 'in_progress'"),
    ),
)

# In the order in which steps are taken: a claim reads as many rows as it takes, however many wait.
Index(
    "workflows_step_enqueued",
    steps.c.priority.desc(),
    steps.c.enqueued_at,
    sqlite_where=text("state = 'enqueued'"),
    postgresql_where=text("state = 'enqueued'"),
)

#: Which step waits for which. Both are of one task, and exist.
edges = Table(
    "workflows_edge",
    metadata,
    Column("parent_id", Uuid, ForeignKey("workflows_step.id", ondelete="CASCADE"), primary_key=True),
    Column("child_id", Uuid, ForeignKey("workflows_step.id", ondelete="CASCADE"), primary_key=True, index=True),
)

#: Every change of state of every task and step; ids grow with time, so the newest of a subject has the largest.
transitions = Table(
    "workflows_transition",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject", Text, nullable=False),  # "task" or "step"
    Column("subject_id", Uuid, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
    Column("dispatch", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("details", Json),
    Index("workflows_transition_subject", "subject_id", "id"),
    # Giving the same attempt out twice is impossible, and not only unlikely.
    Index(
        "workflows_transition_once",
        "subject_id",
        "dispatch",
        unique=True,
        sqlite_where=text("to_state = 'enqueued'"),
        postgresql_where=text("to_state = 'enqueued'"),
    ),
)

#: Processes that run steps. An id is used by one life of one process, and one that is dead never comes back.
workers = Table(
    "workflows_worker",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("namespaces", Json, nullable=False),
    Column("handlers", Json, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),  # "live", "draining" or "dead"
    Column("started_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Index("workflows_worker_lease", "state", "lease_until"),
)

#: How many steps of a namespace may run at a time. One that is not here has no limit.
namespaces = Table(
    "workflows_namespace",
    metadata,
    Column("name", Text, primary_key=True),
    Column("limit", Integer, nullable=False),
)

#: Results that came too late and were refused.
fenced = Table(
    "workflows_fenced",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("step_id", Uuid, nullable=False, index=True),
    Column("dispatch", Integer, nullable=False),
    Column("worker_id", Uuid, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
)

#: Tasks that a person has to look at. An entry is a record of that, and changes nothing of its task.
dead_letters = Table(
    "workflows_dead_letter",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("task_id", Uuid, ForeignKey("workflows_task.id", ondelete="CASCADE"), nullable=False),
    Column("original_state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("resolution_notes", Text),
    Column("resolved_by", Text),
    Column("snapshot", Json, nullable=False),
    Column("metadata", Json),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(
        "workflows_dead_letter_pending",
        "task_id",
        unique=True,
        sqlite_where=text("resolution = 'pending'"),
        postgresql_where=text("resolution = 'pending'"),
    ),
)

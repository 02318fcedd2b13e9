"""Take steps in their order."""

import sqlalchemy as sa
from alembic import op

revision = "workflows_0003"
down_revision = "workflows_0002"
branch_labels = None
depends_on = None

_TAKEN = sa.text("state = 'enqueued'")


def upgrade() -> None:
    op.drop_index("workflows_step_enqueued", "workflows_step")
    _create_index([sa.text("priority DESC"), "enqueued_at"])


def downgrade() -> None:
    op.drop_index("workflows_step_enqueued", "workflows_step")
    _create_index(["namespace", "priority", "enqueued_at"])


def _create_index(columns: list[str | sa.TextClause]) -> None:
    op.create_index("workflows_step_enqueued", "workflows_step", columns, sqlite_where=_TAKEN, postgresql_where=_TAKEN)

"""Take steps in their order."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "workflows_0003"
down_revision = "workflows_0002"
branch_labels = None
depends_on = None

_WHERE: dict[str, Any] = {
    "sqlite_where": sa.text("state = 'enqueued'"),
    "postgresql_where": sa.text("state = 'enqueued'"),
}


def upgrade() -> None:
    op.drop_index("workflows_step_enqueued", "workflows_step")
    op.create_index("workflows_step_enqueued", "workflows_step", [sa.text("priority DESC"), "enqueued_at"], **_WHERE)


def downgrade() -> None:
    op.drop_index("workflows_step_enqueued", "workflows_step")
    op.create_index("workflows_step_enqueued", "workflows_step", ["namespace", "priority", "enqueued_at"], **_WHERE)

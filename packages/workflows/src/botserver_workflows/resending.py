"""Which steps wait for a worker for so long that their message may be lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from botserver_workflows.engine import Message
from botserver_workflows.states import StepState
from botserver_workflows.tables import steps

if TYPE_CHECKING:
    from botserver_workflows.unit import Unit

#: Seconds after which somebody looks whether the message of an enqueued step is still there.
OVERDUE = 60.0


async def find_overdue(unit: Unit, limit: int = 200) -> list[Message]:
    """The messages of steps that were enqueued that long ago, the oldest first."""
    rows = await unit.session.execute(
        select(steps.c.id, steps.c.dispatch, steps.c.namespace, steps.c.priority)
        .where(steps.c.state == StepState.ENQUEUED.value, steps.c.enqueued_at <= unit.now - timedelta(seconds=OVERDUE))
        .order_by(steps.c.enqueued_at)
        .limit(limit)
    )
    return [Message(*row) for row in rows]

"""A new task: its row, its first steps, and those of them enqueued that wait for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from botserver_workflows.errors import UnknownTemplateError
from botserver_workflows.expansion import expand, leave_out
from botserver_workflows.making import make_steps
from botserver_workflows.request import check_context
from botserver_workflows.states import TaskState, task_path
from botserver_workflows.stored import dump_template
from botserver_workflows.tables import steps, tasks, templates

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from botserver_workflows.request import TaskRequest
    from botserver_workflows.template import Template
    from botserver_workflows.unit import Store, Unit


class Submitted(NamedTuple):
    """A task that is there. `is_new` is false when an earlier request with the same key made it."""

    task_id: UUID
    created_at: datetime
    steps: dict[str, UUID]
    is_new: bool


async def register_template(unit: Unit, template: Template) -> UUID:
    """Store this content of the template unless it is stored, and return its id. New tasks use the newest one."""
    found: UUID | None = await unit.session.scalar(
        select(templates.c.id).where(
            templates.c.namespace == template.namespace,
            templates.c.name == template.name,
            templates.c.version == template.version,
            templates.c.checksum == template.checksum,
        )
    )
    if found is not None:
        return found
    template_id = unit.ids.new_id()
    await unit.session.execute(
        insert(templates).values(
            id=template_id,
            namespace=template.namespace,
            name=template.name,
            version=template.version,
            checksum=template.checksum,
            body=dump_template(template),
            created_at=unit.now,
        )
    )
    return template_id


async def find_template(unit: Unit, namespace: str, name: str, version: str) -> UUID:
    """The id of the newest content of this template, or `UnknownTemplateError`."""
    found: UUID | None = await unit.session.scalar(
        select(templates.c.id)
        .where(templates.c.namespace == namespace, templates.c.name == name, templates.c.version == version)
        .order_by(templates.c.id.desc())
        .limit(1)
    )
    if found is None:
        raise UnknownTemplateError(f"Task template not found: {namespace}/{name}/{version}")
    return found


async def submit_once(store: Store, request: TaskRequest) -> Submitted:
    """`submit` in a unit of its own. Of two requests with one key that come at the same moment, one makes the task."""
    try:
        return await store.write(request.initiator, lambda unit: submit(unit, request))
    except IntegrityError:
        if request.idempotency_key is None:
            raise
        return await store.write(request.initiator, lambda unit: submit(unit, request))


async def submit(unit: Unit, request: TaskRequest) -> Submitted:
    """Make the task, or find the one that an earlier request with the same key made.

    `UnknownTemplateError` and `InvalidInputError` say what is wrong with the request; nothing is made then.
    """
    if request.idempotency_key is not None:
        earlier = await _find(unit, request.idempotency_key)
        if earlier is not None:
            return earlier
    template_id = await find_template(unit, request.namespace, request.name, request.version)
    template = await unit.template(template_id)
    check_context(request, template)
    possible = leave_out(template.steps, request.bypassed)
    planned = expand(possible, (), {})
    task_id = unit.ids.new_id()
    await unit.session.execute(
        insert(tasks).values(**_row(unit, request, task_id, template_id), open_steps=len(planned))
    )
    made = await make_steps(unit, task_id, request.namespace, request.priority, template, planned)
    unit.note("task", task_id, ("", TaskState.PENDING, *task_path(TaskState.PENDING, TaskState.STEPS_IN_PROCESS)))
    return Submitted(task_id, unit.now, made.ids, is_new=True)


def _row(unit: Unit, request: TaskRequest, task_id: UUID, template_id: UUID) -> dict[str, object]:
    return {
        "id": task_id,
        "template_id": template_id,
        "namespace": request.namespace,
        "name": request.name,
        "version": request.version,
        "state": TaskState.STEPS_IN_PROCESS,
        "failed_steps": 0,
        "decided": {},
        "context": dict(request.context),
        "initiator": request.initiator,
        "source_system": request.source_system,
        "reason": request.reason,
        "tags": list(request.tags),
        "bypassed": list(request.bypassed),
        "options": None if request.options is None else dict(request.options),
        "priority": request.priority,
        "correlation_id": request.correlation_id or unit.ids.new_id(),
        "parent_correlation_id": request.parent_correlation_id,
        "idempotency_key": request.idempotency_key,
        "requested_at": request.requested_at or unit.now,
        "created_at": unit.now,
        "updated_at": unit.now,
        "state_since": unit.now,
    }


async def _find(unit: Unit, key: str) -> Submitted | None:
    found = (
        await unit.session.execute(select(tasks.c.id, tasks.c.created_at).where(tasks.c.idempotency_key == key))
    ).one_or_none()
    if found is None:
        return None
    # As they were told at first: not those that decisions have added since, and in the same order.
    first = (steps.c.task_id == found.id, steps.c.created_at <= found.created_at)
    rows = await unit.session.execute(select(steps.c.name, steps.c.id).where(*first).order_by(steps.c.id))
    return Submitted(found.id, found.created_at, {row.name: row.id for row in rows}, is_new=False)

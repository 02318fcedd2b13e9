"""`/v1/tasks`: ask for tasks, look at them, cancel them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from botserver_workflows.intervening import cancel_task
from botserver_workflows.queries import TaskFilter, find_steps, find_steps_of, find_task, list_tasks
from botserver_workflows.routes.forms import PerPage, TaskForm, TaskId  # noqa: TC001 - FastAPI reads the annotations
from botserver_workflows.submitting import submit_once
from botserver_workflows.wire import describe_creation, describe_page, describe_task

if TYPE_CHECKING:
    from uuid import UUID

    from botserver_workflows.context import Workflows
    from botserver_workflows.unit import Unit


def create_tasks_router(workflows: Workflows) -> APIRouter:
    """The routes of tasks."""
    router = APIRouter()
    store = workflows.store

    @router.post("/v1/tasks", summary="Ask for a task")
    async def create(form: TaskForm) -> dict[str, Any]:
        request = form.to_request()
        submitted = await submit_once(store, request)
        workflows.doorbell.ring()
        return describe_creation(submitted, request.name)

    @router.get("/v1/tasks", summary="List tasks, the newest first")
    async def index(
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        per_page: PerPage = 25,
        namespace: str | None = None,
        status: str | None = None,
        initiator: str | None = None,
        source_system: str | None = None,
    ) -> dict[str, Any]:
        wanted = TaskFilter(page, per_page, namespace, _task_state(status), initiator, source_system)
        return await store.read(partial(_describe_page, wanted=wanted))

    @router.get("/v1/tasks/{task_uuid}", summary="One task with its steps")
    async def show(task_uuid: TaskId) -> dict[str, Any]:
        return await store.read(partial(_describe, task_id=task_uuid))

    @router.delete("/v1/tasks/{task_uuid}", summary="Cancel a task")
    async def cancel(task_uuid: TaskId) -> dict[str, Any]:
        await store.write("client", partial(cancel_task, task_id=task_uuid))
        return await store.read(partial(_describe, task_id=task_uuid))

    return router


async def _describe(unit: Unit, task_id: UUID) -> dict[str, Any]:
    return describe_task(await find_task(unit, task_id), await find_steps(unit, task_id), unit.now)


async def _describe_page(unit: Unit, wanted: TaskFilter) -> dict[str, Any]:
    found = await list_tasks(unit, wanted)
    steps = await find_steps_of(unit, [task.id for task in found.tasks])
    pairs = [(task, steps[task.id]) for task in found.tasks]
    return describe_page(pairs, unit.now, wanted.page, wanted.per_page, found.total)


def _task_state(status: str | None) -> str | None:
    # Another name that clients know for the same state.
    return "steps_in_process" if status == "in_progress" else status

"""`/v1/tasks/{task}/workflow_steps`: look at steps, and step in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body

from botserver_workflows.intervening import complete_step, reset_step, resolve_step
from botserver_workflows.queries import find_step, find_steps, find_task
from botserver_workflows.routes.forms import CompleteManually, ResetForRetry, StepAction, StepId, TaskId
from botserver_workflows.values import to_json
from botserver_workflows.wire import describe_step

if TYPE_CHECKING:
    from uuid import UUID

    from botserver_workflows.context import Workflows
    from botserver_workflows.unit import Unit

_STEPS = "/v1/tasks/{task_uuid}/workflow_steps"


def create_steps_router(workflows: Workflows) -> APIRouter:
    """The routes of steps."""
    router = APIRouter()
    store = workflows.store

    @router.get(_STEPS, summary="The steps of a task")
    async def index(task_uuid: TaskId) -> list[dict[str, Any]]:
        return await store.read(partial(_describe_all, task_id=task_uuid))

    @router.get(_STEPS + "/{step_uuid}", summary="One step with its result")
    async def show(task_uuid: TaskId, step_uuid: StepId) -> dict[str, Any]:
        return await store.read(partial(_describe, task_id=task_uuid, step_id=step_uuid))

    @router.patch(_STEPS + "/{step_uuid}", summary="Reset, resolve or complete a step by hand")
    async def act(task_uuid: TaskId, step_uuid: StepId, action: Annotated[StepAction, Body()]) -> dict[str, Any]:
        target: dict[str, Any] = {"task_id": task_uuid, "step_id": step_uuid, "reason": action.reason}
        if isinstance(action, ResetForRetry):
            await store.write(action.reset_by, partial(reset_step, **target))
        elif isinstance(action, CompleteManually):
            data = action.completion_data
            value = to_json(data.result, where="completion_data.result")
            work = partial(complete_step, **target, value=value, metadata=data.metadata)
            await store.write(action.completed_by, work)
        else:
            await store.write(action.resolved_by, partial(resolve_step, **target))
        workflows.doorbell.ring()
        return await store.read(partial(_describe, task_id=task_uuid, step_id=step_uuid))

    return router


async def _describe(unit: Unit, task_id: UUID, step_id: UUID) -> dict[str, Any]:
    return describe_step(await find_step(unit, task_id, step_id), unit.now)


async def _describe_all(unit: Unit, task_id: UUID) -> list[dict[str, Any]]:
    await find_task(unit, task_id)
    return [describe_step(step, unit.now) for step in await find_steps(unit, task_id)]

"""The pages for people at `/workflows/`: tasks as they run, dead letters, workers. They work without scripts too."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select

from botlib import BotError
from botserver_core import Event, read_form, render_page, stream_events
from botserver_workflows.deadletters import Resolution, list_entries, resolve_entry
from botserver_workflows.errors import InvalidInputError
from botserver_workflows.intervening import cancel_task, complete_step, reset_step, resolve_step
from botserver_workflows.leases import list_workers
from botserver_workflows.queries import TaskFilter, find_edges, find_steps, find_steps_of, find_task, list_tasks
from botserver_workflows.routes.forms import StepId, TaskId  # noqa: TC001 - FastAPI reads the annotations
from botserver_workflows.routes.letters import EntryId  # noqa: TC001 - as above
from botserver_workflows.routes.workers import describe_worker
from botserver_workflows.showing import moment, show_rounds, show_task, words
from botserver_workflows.tables import dead_letters, transitions, workers
from botserver_workflows.values import to_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from botlib import Clock
    from botserver_workflows.context import Workflows
    from botserver_workflows.unit import Unit

#: Seconds between two looks for whoever watches.
LOOK = 1.0
_HOME = "/workflows/"
_ACTOR = "page"
_LARGEST_FORM = 100_000  # bytes


def create_pages_router(workflows: Workflows, clock: Clock) -> APIRouter:
    """The pages, and the forms on them."""
    router, store = APIRouter(include_in_schema=False), workflows.store

    @router.get("/workflows/")
    async def overview(request: Request) -> Response:
        return await _render_overview(workflows, request)

    @router.get("/workflows/tasks/{task_uuid}")
    async def show(request: Request, task_uuid: TaskId) -> Response:
        return await _render_task(workflows, request, task_uuid)

    @router.get("/workflows/events")
    async def events(request: Request) -> Response:
        return stream_events(request, lambda last_id: _watch(workflows, clock, last_id))

    @router.post("/workflows/tasks/{task_uuid}/cancel")
    async def cancel(request: Request, task_uuid: TaskId) -> Response:
        return await act(request, task_uuid, lambda _form: partial(cancel_task, task_id=task_uuid))

    @router.post("/workflows/tasks/{task_uuid}/steps/{step_uuid}")
    async def intervene(request: Request, task_uuid: TaskId, step_uuid: StepId) -> Response:
        target = {"task_id": task_uuid, "step_id": step_uuid, "reason": "by hand, on the page"}
        return await act(request, task_uuid, lambda form: _intervention(form, target))

    @router.post("/workflows/letters/{entry_uuid}")
    async def resolve(request: Request, entry_uuid: EntryId) -> Response:
        form = await read_form(request, _LARGEST_FORM)
        notes = form.get("notes") or None
        try:
            resolution = Resolution(form.get("resolution", ""))
            work = partial(
                resolve_entry, entry_id=entry_uuid, resolution=resolution, notes=notes, by=_ACTOR, metadata=None
            )
            await store.write(_ACTOR, work)
        except (BotError, ValueError) as error:
            return await _render_overview(workflows, request, note=str(error), status=409)
        return RedirectResponse(_HOME, 303)

    async def act(
        request: Request, task_id: UUID, choose: Callable[[dict[str, str]], Callable[[Unit], Awaitable[Any]]]
    ) -> Response:
        try:
            await store.write(_ACTOR, choose(await read_form(request, _LARGEST_FORM)))
        except BotError as error:
            return await _render_task(workflows, request, task_id, note=str(error), status=409)
        workflows.doorbell.ring()
        return RedirectResponse(f"/workflows/tasks/{task_id}", 303)

    return router


async def _render_overview(workflows: Workflows, request: Request, note: str = "", status: int = 200) -> Response:
    async def read(unit: Unit) -> dict[str, Any]:
        found = await list_tasks(unit, TaskFilter(per_page=25))
        steps = await find_steps_of(unit, [task.id for task in found.tasks])
        letters = await list_entries(unit, resolution=Resolution.PENDING, limit=25, offset=0, oldest_first=True)
        return {
            "tasks": [show_task(task, steps[task.id]) for task in found.tasks],
            "total": found.total,
            "letters": [
                {"id": it.id, "task": it.task_id, "reason": words(it.reason), "at": moment(it.at), **it.snapshot}
                for it in letters
            ],
            "workers": [describe_worker(it, unit.now) for it in (await list_workers(unit))[:20]],
            "since": await _fingerprint(unit),
        }

    values = await workflows.store.read(read)
    resolutions = [(it.value, words(it.value)) for it in Resolution if it is not Resolution.PENDING]
    return render_page(
        request, "botserver_workflows/index.html", status=status, note=note, resolutions=resolutions, **values
    )


async def _render_task(
    workflows: Workflows, request: Request, task_id: UUID, note: str = "", status: int = 200
) -> Response:
    async def read(unit: Unit) -> dict[str, Any]:
        task, steps = await find_task(unit, task_id), await find_steps(unit, task_id)
        return {
            "task": show_task(task, steps),
            "context": json.dumps(task.context, ensure_ascii=False, indent=1),
            "facts": {
                "Initiator": task.initiator,
                "Reason": task.reason,
                "Ended": moment(task.completed_at) or "not yet",
            },
            "rounds": show_rounds(steps, await find_edges(unit, task_id)),
            "since": await _fingerprint(unit),
        }

    values = await workflows.store.read(read)
    return render_page(request, "botserver_workflows/task.html", status=status, note=note, **values)


def _intervention(form: dict[str, str], target: dict[str, Any]) -> Callable[[Unit], Awaitable[None]]:
    action = form.get("action")
    if action == "reset":
        return partial(reset_step, **target)
    if action == "resolve":
        return partial(resolve_step, **target)
    try:
        value = to_json(json.loads(form.get("result", "")))
    except ValueError:
        raise InvalidInputError("The result is no JSON. Text stands in double quotes.") from None
    return partial(complete_step, **target, value=value, metadata=None)


async def _watch(workflows: Workflows, clock: Clock, last_id: str) -> AsyncIterator[Event]:
    while True:
        now = await workflows.store.read(_fingerprint)
        if now != last_id:
            yield Event("changed", id=now)
            last_id = now
        await clock.sleep(LOOK)


async def _fingerprint(unit: Unit) -> str:
    """Another text whenever something changed that the page shows."""
    newest = await unit.session.scalar(select(transitions.c.id).order_by(transitions.c.id.desc()).limit(1))
    letters = await unit.session.scalar(
        select(func.count()).where(dead_letters.c.resolution == Resolution.PENDING.value)
    )
    alive = await unit.session.scalar(
        select(func.count()).where(workers.c.state == "live", workers.c.lease_until > unit.now)
    )
    return f"{newest}-{letters}-{alive}"

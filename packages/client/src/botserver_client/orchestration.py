"""The client of the orchestration: tasks, their steps, templates, dead letters."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botserver_client import routes
from botserver_client.client import Client
from botserver_client.deadletters import ChangedDeadLetter, DeadLetter, DeadLetterCount, Resolution
from botserver_client.figures import Bottlenecks, Performance, Stay
from botserver_client.registry import Namespace, Template
from botserver_client.steps import Step
from botserver_client.tasks import CreatedTask, Task, TaskPage
from botserver_client.watching import watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from uuid import UUID

    from botserver_client.tasks import TaskRequest


class OrchestrationClient(Client):
    """Asks for tasks and looks at them. Every method raises a `ClientError` when it cannot do what it says.

    Ids may be given as `UUID` or as text.
    """

    async def create_task(self, request: TaskRequest, *, idempotency_key: str | None = None) -> CreatedTask:
        """Ask for a task. However often the request has to be sent, there is one task.

        Two calls with one key make one task too; without a key, each call has a key of its own.
        """
        body = _describe(request, idempotency_key or str(uuid4()), self._caller.clock.now().astimezone(UTC))
        return await self._caller.call(CreatedTask, routes.CREATE_TASK, body=body)

    async def get_task(self, task: UUID | str) -> Task:
        """A task with its steps."""
        return await self._caller.call(Task, routes.GET_TASK, task=task)

    async def list_tasks(
        self,
        *,
        namespace: str | None = None,
        status: str | None = None,
        initiator: str | None = None,
        source_system: str | None = None,
        page: int = 1,
        per_page: int = 25,
    ) -> TaskPage:
        """A page of the tasks that fit, the newest first."""
        query = {
            "namespace": namespace,
            "status": status,
            "initiator": initiator,
            "source_system": source_system,
            "page": page,
            "per_page": per_page,
        }
        return await self._caller.call(TaskPage, routes.LIST_TASKS, query=query)

    async def cancel_task(self, task: UUID | str) -> Task:
        """Cancel a task, and show it. Refused when it has ended."""
        return await self._caller.call(Task, routes.CANCEL_TASK, task=task)

    async def wait_for_completion(self, task: UUID | str, deadline: float) -> Task:
        """The task once it has ended or is blocked by failures: its `outcome` says which.

        `DeadlineError` after `deadline` seconds. A server that restarts meanwhile is waited for.
        """
        async for found in watch(self._caller, task, deadline):
            if found.outcome is not None:
                return found
        raise AssertionError("watching ends with the task")

    def watch_task(self, task: UUID | str, deadline: float) -> AsyncIterator[Task]:
        """The task now, after each change, and at its end: for whoever shows how it comes along."""
        return watch(self._caller, task, deadline)

    async def list_steps(self, task: UUID | str) -> tuple[Step, ...]:
        """The steps of a task with their results."""
        return await self._caller.call(tuple[Step, ...], routes.LIST_STEPS, task=task)

    async def get_step(self, task: UUID | str, step: UUID | str) -> Step:
        """One step with its result."""
        return await self._caller.call(Step, routes.GET_STEP, task=task, step=step)

    async def reset_step(self, task: UUID | str, step: UUID | str, *, reason: str, by: str) -> Step:
        """A step in error begins anew, with all of its attempts."""
        return await self._change(task, step, action_type="reset_for_retry", reason=reason, reset_by=by)

    async def resolve_step(self, task: UUID | str, step: UUID | str, *, reason: str, by: str) -> Step:
        """A step is done as far as others are concerned, without a result."""
        return await self._change(task, step, action_type="resolve_manually", reason=reason, resolved_by=by)

    async def complete_step(
        self,
        task: UUID | str,
        step: UUID | str,
        result: Any,
        *,
        reason: str,
        by: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> Step:
        """A step is done, and this is what it is to have returned."""
        data = {"result": result, "metadata": metadata}
        return await self._change(
            task, step, action_type="complete_manually", completion_data=data, reason=reason, completed_by=by
        )

    async def list_namespaces(self) -> tuple[Namespace, ...]:
        """The namespaces that have templates."""
        return await self._caller.call(tuple[Namespace, ...], routes.LIST_NAMESPACES)

    async def list_templates(self, namespace: str) -> tuple[Template, ...]:
        """The templates of a namespace."""
        return await self._caller.call(tuple[Template, ...], routes.LIST_TEMPLATES, namespace=namespace)

    async def get_template(self, namespace: str, name: str) -> Template:
        """One template."""
        return await self._caller.call(Template, routes.GET_TEMPLATE, namespace=namespace, name=name)

    async def list_dead_letters(
        self, *, resolution: Resolution | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[DeadLetter, ...]:
        """Entries, the newest first."""
        query = {"resolution_status": resolution, "limit": limit, "offset": offset}
        return await self._caller.call(tuple[DeadLetter, ...], routes.LIST_DEAD_LETTERS, query=query)

    async def list_investigations(self, *, limit: int = 100) -> tuple[DeadLetter, ...]:
        """Entries that wait for a person, the oldest first."""
        return await self._caller.call(tuple[DeadLetter, ...], routes.LIST_INVESTIGATIONS, query={"limit": limit})

    async def get_dead_letter(self, task: UUID | str) -> DeadLetter:
        """The newest entry of a task."""
        return await self._caller.call(DeadLetter, routes.GET_DEAD_LETTER, task=task)

    async def change_dead_letter(
        self,
        entry: UUID | str,
        resolution: Resolution,
        *,
        notes: str | None = None,
        by: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> ChangedDeadLetter:
        """Note what came of an entry. Its task stays as it is."""
        body = {"resolution_status": resolution, "resolution_notes": notes, "resolved_by": by, "metadata": metadata}
        return await self._caller.call(ChangedDeadLetter, routes.CHANGE_DEAD_LETTER, body=body, entry=entry)

    async def count_dead_letters(self) -> tuple[DeadLetterCount, ...]:
        """How many entries there are, by reason."""
        return await self._caller.call(tuple[DeadLetterCount, ...], routes.COUNT_DEAD_LETTERS)

    async def list_stays(self, *, limit: int = 100) -> tuple[Stay, ...]:
        """Tasks that have not ended, the oldest first, and how long they may stay."""
        return await self._caller.call(tuple[Stay, ...], routes.LIST_STAYS, query={"limit": limit})

    async def measure_performance(self, *, hours: int = 24) -> Performance:
        """The figures of the last hours."""
        return await self._caller.call(Performance, routes.MEASURE_PERFORMANCE, query={"hours": hours})

    async def find_bottlenecks(self, *, limit: int = 10, min_executions: int = 5) -> Bottlenecks:
        """The steps and tasks that take longest, of those that ran often enough."""
        query = {"limit": limit, "min_executions": min_executions}
        return await self._caller.call(Bottlenecks, routes.FIND_BOTTLENECKS, query=query)

    async def _change(self, task: UUID | str, step: UUID | str, **action: Any) -> Step:
        return await self._caller.call(Step, routes.CHANGE_STEP, body=action, task=task, step=step)


def _describe(request: TaskRequest, idempotency_key: str, now: Any) -> dict[str, Any]:
    """The request as every server of this contract reads it: all that one of them insists on is there.

    The moment is told in UTC without saying so.
    """
    from botserver_client.calling import plain

    moment = request.requested_at or now
    body: dict[str, Any] = plain(request)
    body |= {
        "idempotency_key": idempotency_key,
        "correlation_id": str(request.correlation_id or uuid4()),
        "requested_at": moment.astimezone(UTC).replace(tzinfo=None).isoformat(),
    }
    return {key: value for key, value in body.items() if value is not None}

"""Follows a task until nothing happens to it any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_client.errors import ClientError, DeadlineError, RefusedError, UnreadableError
from botserver_client.routes import GET_TASK
from botserver_client.tasks import Task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from botserver_client.calling import Caller

#: Seconds between two looks: as short as the first after something happened, growing while nothing does.
_SHORTEST, _LONGEST, _GROWTH = 0.05, 1.0, 1.5


async def watch(caller: Caller, task: UUID | str, deadline: float) -> AsyncIterator[Task]:
    """The task now, whenever it has changed, and at its end; then this is over.

    `DeadlineError` after `deadline` seconds. Once it has answered, a server that does not answer is asked again until
    then: it may be restarting.
    """
    clock = caller.clock
    until = clock.monotonic() + deadline
    seen: Task | None = None
    trouble: ClientError | None = None
    pause = _SHORTEST
    while True:
        remaining = until - clock.monotonic()
        if remaining <= 0:
            raise DeadlineError(_describe(task, deadline, seen, trouble))
        try:
            found = await caller.call(Task, GET_TASK, task=task, within=remaining)
        except ClientError as error:
            if seen is None or isinstance(error, UnreadableError) or _is_final(error):
                raise
            trouble = error
        else:
            trouble = None
            if found != seen:
                yield found
                pause = _SHORTEST
            if found.outcome is not None:
                return
            seen = found
        await clock.sleep(min(pause * caller.randomness.uniform(0.8, 1.0), max(until - clock.monotonic(), 0)))
        pause = min(pause * _GROWTH, _LONGEST)


def _is_final(error: ClientError) -> bool:
    return isinstance(error, RefusedError) and error.status < 500 and error.status != 429


def _describe(task: UUID | str, deadline: float, seen: Task | None, trouble: ClientError | None) -> str:
    text = f"The task {task} has not ended within {deadline:g} seconds"
    if trouble is not None:
        return f"{text}, and its server does not answer any more: {trouble.message}"
    if seen is None:
        return f"{text}."
    return f"{text}: {seen.execution_status}, {seen.completed_steps} of {seen.total_steps} steps are complete."

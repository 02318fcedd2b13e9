"""Tasks, dead letters and workers as the page shows them. Pure: rows in, words and tones out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from botserver_workflows.states import STEP_ENDS, TASK_ENDS, StepState, TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

_TONES: Mapping[str, str] = {
    TaskState.COMPLETE: "good",
    TaskState.RESOLVED_MANUALLY: "good",
    TaskState.STEPS_IN_PROCESS: "busy",
    TaskState.WAITING_FOR_RETRY: "warn",
    TaskState.BLOCKED_BY_FAILURES: "bad",
    TaskState.ERROR: "bad",
    StepState.ENQUEUED: "busy",
    StepState.IN_PROGRESS: "busy",
}
_LONGEST = 400


class ShownStep(NamedTuple):
    """One step: `after` names what it waits for, `result` is what it returned or why it failed."""

    id: str
    name: str
    state: str
    tone: str
    after: list[str]
    attempts: str
    next_retry: str
    result: str
    is_open: bool
    may_reset: bool


class ShownTask(NamedTuple):
    """One task of the list."""

    id: str
    name: str
    state: str
    tone: str
    created: str
    done: int
    total: int
    is_open: bool


def show_task(task: Any, steps: Sequence[Any]) -> ShownTask:
    """A row of the list."""
    done = sum(step.state in {StepState.COMPLETE, StepState.RESOLVED_MANUALLY} for step in steps)
    name = f"{task.namespace}/{task.name} {task.version}"
    is_open = TaskState(task.state) not in TASK_ENDS
    return ShownTask(
        str(task.id), name, words(task.state), tone(task.state), moment(task.created_at), done, len(steps), is_open
    )


def show_rounds(steps: Sequence[Any], edges: Iterable[tuple[UUID, UUID]]) -> list[list[ShownStep]]:
    """The graph of a task in rounds: what is in one of them waits for steps of the rounds before."""
    names = {step.id: step.name for step in steps}
    parents: dict[UUID, list[UUID]] = {step.id: [] for step in steps}
    for parent, child in edges:
        parents[child].append(parent)
    depths: dict[UUID, int] = {}
    waiting = dict(parents)
    while waiting:
        ready = [it for it, above in waiting.items() if all(parent in depths for parent in above)]
        for it in ready:
            depths[it] = 1 + max((depths[parent] for parent in waiting.pop(it)), default=-1)
    rounds: list[list[ShownStep]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for step in steps:
        rounds[depths[step.id]].append(_show_step(step, sorted(names[it] for it in parents[step.id])))
    return rounds


def words(state: str) -> str:
    """A state as people say it."""
    return state.replace("_", " ")


def tone(state: str) -> str:
    """The class of its badge."""
    return _TONES.get(state, "plain")


def moment(value: datetime | None) -> str:
    """A time of day in UTC, to the second."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M:%S UTC")


def _show_step(step: Any, after: list[str]) -> ShownStep:
    state = StepState(step.state)
    return ShownStep(
        str(step.id),
        step.name,
        words(step.state),
        tone(step.state),
        after,
        f"attempt {step.attempts} of {max(step.max_attempts, 1) + step.released}" if step.attempts else "not begun",
        moment(step.next_retry_at) if state is StepState.WAITING_FOR_RETRY else "",
        _tell(step.result),
        state not in STEP_ENDS or state is StepState.ERROR,
        state is StepState.ERROR,
    )


def _tell(result: Any) -> str:
    if result is None:
        return ""
    text = json.dumps(result["result"], ensure_ascii=False) if result["success"] else result["error"]["message"]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

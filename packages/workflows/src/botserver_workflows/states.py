"""The states of tasks and steps, and which may follow which. Tables, and nothing that acts on them.

The names are those on the wire (contract, section 6). A task or step that ended may still be resolved by a person.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from functools import cache

from botserver_workflows.errors import ForbiddenTransitionError


class TaskState(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    INITIALIZING = "initializing"
    ENQUEUING_STEPS = "enqueuing_steps"
    STEPS_IN_PROCESS = "steps_in_process"
    EVALUATING_RESULTS = "evaluating_results"
    WAITING_FOR_DEPENDENCIES = "waiting_for_dependencies"
    WAITING_FOR_RETRY = "waiting_for_retry"
    BLOCKED_BY_FAILURES = "blocked_by_failures"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"
    RESOLVED_MANUALLY = "resolved_manually"


class StepState(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    ENQUEUED = "enqueued"
    IN_PROGRESS = "in_progress"
    ENQUEUED_FOR_ORCHESTRATION = "enqueued_for_orchestration"
    ENQUEUED_AS_ERROR_FOR_ORCHESTRATION = "enqueued_as_error_for_orchestration"
    WAITING_FOR_RETRY = "waiting_for_retry"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"
    RESOLVED_MANUALLY = "resolved_manually"


#: Nothing happens to these any more, unless a person steps in.
TASK_ENDS = frozenset({TaskState.COMPLETE, TaskState.ERROR, TaskState.CANCELLED, TaskState.RESOLVED_MANUALLY})
STEP_ENDS = frozenset({StepState.COMPLETE, StepState.ERROR, StepState.CANCELLED, StepState.RESOLVED_MANUALLY})
#: A child of such a step need not wait for it.
SATISFYING = frozenset({StepState.COMPLETE, StepState.RESOLVED_MANUALLY})

_T, _S = TaskState, StepState

#: What follows without a person. Cancelling and resolving are added below for every state that allows them.
_TASK_STEPS: dict[TaskState, frozenset[TaskState]] = {
    _T.PENDING: frozenset({_T.INITIALIZING}),
    _T.INITIALIZING: frozenset({_T.ENQUEUING_STEPS, _T.COMPLETE, _T.WAITING_FOR_DEPENDENCIES}),
    _T.ENQUEUING_STEPS: frozenset({_T.STEPS_IN_PROCESS, _T.ERROR}),
    _T.STEPS_IN_PROCESS: frozenset({_T.EVALUATING_RESULTS, _T.WAITING_FOR_RETRY}),
    _T.EVALUATING_RESULTS: frozenset(
        {_T.COMPLETE, _T.ENQUEUING_STEPS, _T.WAITING_FOR_DEPENDENCIES, _T.BLOCKED_BY_FAILURES}
    ),
    _T.WAITING_FOR_DEPENDENCIES: frozenset({_T.EVALUATING_RESULTS}),
    _T.WAITING_FOR_RETRY: frozenset({_T.ENQUEUING_STEPS}),
    _T.BLOCKED_BY_FAILURES: frozenset({_T.ERROR}),
    _T.COMPLETE: frozenset(),
    _T.ERROR: frozenset({_T.PENDING}),
    _T.CANCELLED: frozenset(),
    _T.RESOLVED_MANUALLY: frozenset(),
}
_STEP_STEPS: dict[StepState, frozenset[StepState]] = {
    _S.PENDING: frozenset({_S.ENQUEUED}),
    _S.ENQUEUED: frozenset({_S.IN_PROGRESS}),
    _S.IN_PROGRESS: frozenset(
        # Back to enqueued: its worker died or was told to stop, and the attempt is given to another one.
        {_S.ENQUEUED_FOR_ORCHESTRATION, _S.ENQUEUED_AS_ERROR_FOR_ORCHESTRATION, _S.ENQUEUED}
    ),
    _S.ENQUEUED_FOR_ORCHESTRATION: frozenset({_S.COMPLETE}),
    _S.ENQUEUED_AS_ERROR_FOR_ORCHESTRATION: frozenset({_S.ERROR, _S.WAITING_FOR_RETRY}),
    _S.WAITING_FOR_RETRY: frozenset({_S.PENDING}),
    _S.COMPLETE: frozenset(),
    _S.ERROR: frozenset({_S.PENDING}),
    _S.CANCELLED: frozenset(),
    _S.RESOLVED_MANUALLY: frozenset(),
}

TASK_TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    state: following
    | ({_T.RESOLVED_MANUALLY} - {state})
    | (frozenset() if state in TASK_ENDS else frozenset({_T.CANCELLED}))
    for state, following in _TASK_STEPS.items()
}
STEP_TRANSITIONS: dict[StepState, frozenset[StepState]] = {
    state: following
    | ({_S.RESOLVED_MANUALLY, _S.COMPLETE} - {state})
    | (frozenset() if state in STEP_ENDS else frozenset({_S.CANCELLED}))
    for state, following in _STEP_STEPS.items()
}


def check_task_transition(before: TaskState, after: TaskState) -> None:
    """`ForbiddenTransitionError` when a task cannot go from one to the other."""
    if after not in TASK_TRANSITIONS[before]:
        raise ForbiddenTransitionError("task", before, after)


def check_step_transition(before: StepState, after: StepState) -> None:
    """`ForbiddenTransitionError` when a step cannot go from one to the other."""
    if after not in STEP_TRANSITIONS[before]:
        raise ForbiddenTransitionError("step", before, after)


@cache
def task_path(before: TaskState, after: TaskState) -> tuple[TaskState, ...]:
    """The states that a task goes through, without `before` and with `after`; empty when they are the same.

    It is the shortest way without a person, so that the history of a task shows each state that the contract names.
    """
    ways: dict[TaskState, tuple[TaskState, ...]] = {before: ()}
    front = deque([before])
    while front and after not in ways:
        state = front.popleft()
        for following in sorted(_TASK_STEPS[state]):
            if following not in ways:
                ways[following] = (*ways[state], following)
                front.append(following)
    if after not in ways:
        check_task_transition(before, after)
        return (after,)
    return ways[after]

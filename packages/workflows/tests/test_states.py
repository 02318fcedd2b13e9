from collections.abc import Hashable, Mapping
from typing import TypeVar

import pytest

from botserver_workflows.errors import ForbiddenTransitionError
from botserver_workflows.states import (
    STEP_ENDS,
    STEP_TRANSITIONS,
    TASK_ENDS,
    TASK_TRANSITIONS,
    StepState,
    TaskState,
    check_step_transition,
    check_task_transition,
)

S = TypeVar("S", bound=Hashable)


def reachable(start: S, transitions: Mapping[S, frozenset[S]]) -> set[S]:
    found, front = {start}, [start]
    while front:
        front = [state for before in front for state in transitions[before] if state not in found]
        found.update(front)
    return found


def test_there_are_twelve_states_of_a_task_and_ten_of_a_step_and_all_can_be_reached() -> None:
    assert (len(TaskState), len(StepState)) == (12, 10)
    assert reachable(TaskState.PENDING, TASK_TRANSITIONS) == set(TaskState)
    assert reachable(StepState.PENDING, STEP_TRANSITIONS) == set(StepState)


def test_everything_that_has_not_ended_can_be_cancelled() -> None:
    for task in TaskState:
        assert (TaskState.CANCELLED in TASK_TRANSITIONS[task]) == (task not in TASK_ENDS)
    for step in StepState:
        assert (StepState.CANCELLED in STEP_TRANSITIONS[step]) == (step not in STEP_ENDS)


def test_a_person_can_resolve_everything_and_complete_any_step() -> None:
    for task in set(TaskState) - {TaskState.RESOLVED_MANUALLY}:
        check_task_transition(task, TaskState.RESOLVED_MANUALLY)
    for step in set(StepState) - {StepState.RESOLVED_MANUALLY, StepState.COMPLETE}:
        check_step_transition(step, StepState.RESOLVED_MANUALLY)
        check_step_transition(step, StepState.COMPLETE)


def test_only_an_error_is_reset() -> None:
    assert [state for state in StepState if StepState.PENDING in STEP_TRANSITIONS[state]] == [
        StepState.WAITING_FOR_RETRY,
        StepState.ERROR,
    ]
    with pytest.raises(ForbiddenTransitionError, match=r"^A step that is complete cannot become pending\.$"):
        check_step_transition(StepState.COMPLETE, StepState.PENDING)
    with pytest.raises(ForbiddenTransitionError, match=r"^A task that is complete cannot become cancelled\.$"):
        check_task_transition(TaskState.COMPLETE, TaskState.CANCELLED)

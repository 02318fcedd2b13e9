from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botserver_workflows.errors import InvalidInputError
from botserver_workflows.expansion import PlannedStep, expand, leave_out
from botserver_workflows.template import StepTemplate, StepType


def step(name: str, *parents: str, kind: StepType = StepType.STANDARD) -> StepTemplate:
    return StepTemplate(name, "handler", parents, kind)


APPROVAL = (
    step("validate"),
    step("route", "validate", kind=StepType.DECISION),
    step("auto", "route"),
    step("manager", "route"),
    step("finance", "route"),
    step("note", "manager"),
    step("finish", "auto", "manager", "finance", kind=StepType.DEFERRED),
)


def test_a_new_task_has_what_no_decision_stands_above() -> None:
    assert expand(APPROVAL, (), {}) == (PlannedStep("validate", ()), PlannedStep("route", ("validate",)))


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"auto"}, [("auto", ("route",)), ("finish", ("auto",))]),
        (
            {"manager", "finance"},
            [
                ("manager", ("route",)),
                ("finance", ("route",)),
                ("note", ("manager",)),
                ("finish", ("manager", "finance")),
            ],
        ),
        (set(), [("finish", ("route",))]),
    ],
)
def test_a_decision_brings_what_it_names_and_what_lies_below(
    chosen: set[str], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert expand(APPROVAL, {"validate", "route"}, {"route": chosen}, "route") == tuple(
        PlannedStep(name, parents) for name, parents in expected
    )


def test_a_deferred_step_waits_until_the_last_decision_above_it() -> None:
    steps = (
        step("first", kind=StepType.DECISION),
        step("a", "first"),
        step("second", "first", kind=StepType.DECISION),
        step("x", "second"),
        step("end", "a", "x", kind=StepType.DEFERRED),
    )
    assert expand(steps, {"first"}, {"first": {"a", "second"}}, "first") == (
        PlannedStep("a", ("first",)),
        PlannedStep("second", ("first",)),
    )
    made = {"first", "a", "second"}
    assert expand(steps, made, {"first": {"a", "second"}, "second": set()}, "second") == (PlannedStep("end", ("a",)),)
    assert expand(steps, {"first"}, {"first": {"a"}}, "first") == (
        PlannedStep("a", ("first",)),
        PlannedStep("end", ("a",)),
    )


def test_whoever_waited_for_a_step_that_is_left_out_waits_for_what_it_waited_for() -> None:
    steps = (step("a"), step("b", "a"), step("c", "b"), step("d", "c", "a"))
    assert [(it.name, it.parents) for it in leave_out(steps, {"b", "c"})] == [("a", ()), ("d", ("a",))]
    assert [(it.name, it.parents) for it in leave_out(steps, {"a"})] == [("b", ()), ("c", ("b",)), ("d", ("c",))]


@pytest.mark.parametrize(
    ("bypassed", "message"),
    [
        ({"nothing"}, "bypass_steps names nothing, which is no step of this template."),
        ({"route"}, "bypass_steps names route, which decides on other steps and cannot be left out."),
    ],
)
def test_what_cannot_be_left_out_is_refused(bypassed: set[str], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        leave_out(APPROVAL, bypassed)
    assert str(caught.value) == message


def test_at_least_one_step_is_left() -> None:
    with pytest.raises(InvalidInputError, match="leaves no step to run"):
        leave_out((step("a"), step("b", "a")), {"a", "b"})


@st.composite
def graphs(draw: st.DrawFn) -> tuple[StepTemplate, ...]:
    steps: list[StepTemplate] = []
    for number in range(draw(st.integers(1, 12))):
        names = [it.name for it in steps]
        parents = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        kinds = list(StepType) if parents else [StepType.STANDARD, StepType.DECISION]
        steps.append(step(f"s{number}", *parents, kind=draw(st.sampled_from(kinds))))
    return tuple(steps)


def choose(steps: Sequence[StepTemplate], decision: str, draw_bits: int) -> set[str]:
    children = [it.name for it in steps if decision in it.parents and it.type is not StepType.DEFERRED]
    return {name for index, name in enumerate(children) if draw_bits >> index & 1}


@settings(max_examples=300, deadline=None)
@given(graphs(), st.lists(st.integers(0, 4095), min_size=12, max_size=12))
def test_a_task_ends_with_what_its_decisions_chose(steps: tuple[StepTemplate, ...], bits: list[int]) -> None:
    """Against a plain reading of the rules: all decisions are known from the beginning."""
    decisions = {it.name: choose(steps, it.name, bits[index]) for index, it in enumerate(steps)}
    made: dict[str, tuple[str, ...]] = {}
    decided: dict[str, set[str]] = {}
    made.update({it.name: it.parents for it in expand(steps, made, decided)})
    while waiting := [
        it for it in steps if it.type is StepType.DECISION and it.name in made and it.name not in decided
    ]:
        decision = waiting[0].name
        decided[decision] = decisions[decision]
        for planned in expand(steps, made, decided, decision):
            assert planned.name not in made
            assert all(parent in made or parent == decision for parent in planned.parents)
            made[planned.name] = planned.parents

    expected = plain_reading(steps, decisions)
    assert {name: set(parents) for name, parents in made.items() if expected.get(name)} == {
        name: parents for name, parents in expected.items() if parents
    }
    assert set(made) == set(expected)


def plain_reading(steps: Sequence[StepTemplate], decisions: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Name -> parents that count, for each step that comes into being in the end; empty where any decision will do."""
    kinds = {it.name: it.type for it in steps}
    found: dict[str, set[str]] = {}
    for it in steps:
        there = {parent for parent in it.parents if parent in found}
        if it.type is StepType.DEFERRED or (
            len(there) == len(it.parents)
            and all(kinds[parent] is not StepType.DECISION or it.name in decisions[parent] for parent in it.parents)
        ):
            found[it.name] = there
    return found

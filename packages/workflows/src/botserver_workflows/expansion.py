"""Which steps of a template a task has, and what each waits for. Pure.

Not all are there from the beginning: the children of a decision step come when it completes, and only those that its
result names. What lies below them comes along, unless a parent of it was not chosen; a deferred step waits for those
of its parents that were chosen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from botserver_workflows.errors import InvalidInputError
from botserver_workflows.template import StepType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from botserver_workflows.template import StepTemplate


class PlannedStep(NamedTuple):
    """A step that comes into being, and the steps of the same task that it waits for."""

    name: str
    parents: tuple[str, ...]


def leave_out(steps: Sequence[StepTemplate], bypassed: Collection[str]) -> tuple[StepTemplate, ...]:
    """The steps without those that a request bypasses; whoever waited for one waits for what it waited for.

    `InvalidInputError` for names that are no steps, and for decisions: nobody could say which children to make then.
    """
    problems = [*_bypass_problems(steps, bypassed)]
    if problems:
        raise InvalidInputError(*problems)
    parents: dict[str, tuple[str, ...]] = {}
    for step in steps:
        inherited = (parents[it] if it in bypassed else (it,) for it in step.parents)
        parents[step.name] = tuple(dict.fromkeys(name for names in inherited for name in names))
    return tuple(replace(step, parents=parents[step.name]) for step in steps if step.name not in bypassed)


def choose(steps: Sequence[StepTemplate], bypassed: Collection[str], named: Iterable[str]) -> frozenset[str]:
    """What a decision chose: the steps that it named, and in the place of one that is bypassed whoever waited for it.

    `steps` are those of the template, parents first.
    """
    chosen = set(named)
    for step in steps:
        if any(parent in chosen and parent in bypassed for parent in step.parents):
            chosen.add(step.name)
    return frozenset(chosen - set(bypassed))


def expand(
    steps: Sequence[StepTemplate], made: Collection[str], decided: Mapping[str, Collection[str]], deciding: str = ""
) -> tuple[PlannedStep, ...]:
    """The steps that come into being now, parents first.

    `steps` are all that the task can have, parents first; `made` those that it has; `decided` tells for each decision
    that has completed which children it named; `deciding` is the one that completes now, "" for a new task.
    """
    expansion = _Expansion(steps, made, decided)
    return tuple(expansion.plan(deciding))


class _Expansion:
    def __init__(
        self, steps: Sequence[StepTemplate], made: Collection[str], decided: Mapping[str, Collection[str]]
    ) -> None:
        self._steps = {step.name: step for step in steps}
        self._made = set(made)
        self._decided = decided

    def plan(self, deciding: str) -> Iterator[PlannedStep]:
        for step in self._steps.values():
            if step.name in self._made:
                continue
            if step.type is StepType.DEFERRED:
                if any(self._may_still_come(parent) for parent in step.parents):
                    continue
                chosen = tuple(parent for parent in step.parents if parent in self._made)
                parents = chosen or ((deciding,) if deciding and step.parents else ())
            elif self._is_due(step):
                parents = step.parents
            else:
                continue
            self._made.add(step.name)
            yield PlannedStep(step.name, parents)

    def _is_due(self, step: StepTemplate) -> bool:
        return all(
            step.name in self._decided.get(parent, ()) if self._is_decision(parent) else parent in self._made
            for parent in step.parents
        )

    def _may_still_come(self, name: str) -> bool:
        """Whether a step that is not there yet can come into being later."""
        if name in self._made:
            return False
        step = self._steps[name]
        if step.type is StepType.DEFERRED:
            return True  # parents come first, so it was looked at, and it waits for others
        return all(self._may_lead_to(step, parent) for parent in step.parents)

    def _may_lead_to(self, step: StepTemplate, parent: str) -> bool:
        if self._is_decision(parent) and parent in self._decided:
            return step.name in self._decided[parent]
        return parent in self._made or self._may_still_come(parent)

    def _is_decision(self, name: str) -> bool:
        return self._steps[name].type is StepType.DECISION


def _bypass_problems(steps: Iterable[StepTemplate], bypassed: Collection[str]) -> Iterator[str]:
    known = {step.name: step for step in steps}
    for name in bypassed:
        if name not in known:
            yield f"bypass_steps names {name}, which is no step of this template."
        elif known[name].type is StepType.DECISION:
            yield f"bypass_steps names {name}, which decides on other steps and cannot be left out."
    if known and set(known) <= set(bypassed):
        yield "bypass_steps leaves no step to run."

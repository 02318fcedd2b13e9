"""Random workflows, and what comes of them by a plain reading of the rules, without tables, workers and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_workflows.template import Backoff, RetryPolicy, StepTemplate, StepType, Template

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from random import Random

LARGEST = 12
NAMESPACE = "proof"
HANDLER = "proof.step"


def draw_template(die: Random, name: str, *, largest: int = LARGEST, retry: RetryPolicy | None = None) -> Template:
    """A workflow of up to that many steps, some of which decide or are deferred."""
    steps: list[StepTemplate] = []
    policy = retry or RetryPolicy(backoff=Backoff.NONE)
    for number in range(die.randint(1, largest)):
        names = [it.name for it in steps]
        parents = tuple(die.sample(names, die.randint(0, min(3, len(names)))))
        kinds = [StepType.STANDARD, StepType.STANDARD, StepType.DECISION, *([StepType.DEFERRED] if parents else [])]
        steps.append(
            StepTemplate(f"s{number}", HANDLER, parents, die.choice(kinds), retry=policy, timeout_seconds=1_000)
        )
    return Template(NAMESPACE, name, "1.0.0", tuple(steps), checksum=name)


def draw_choices(die: Random, template: Template) -> dict[str, list[str]]:
    """Which of its children each decision names."""
    choices = {}
    for step in template.steps:
        if step.type is StepType.DECISION:
            children = [it.name for it in template.steps if step.name in it.parents]
            choices[step.name] = [it for it in children if die.random() < 0.6]
    return choices


def draw_bypassed(die: Random, template: Template) -> tuple[str, ...]:
    """Steps that a request leaves out; at least one is left."""
    possible = [it.name for it in template.steps if it.type is not StepType.DECISION]
    count = min(len(template.steps) - 1, len(possible), die.choice([0, 0, 1, 2]))
    return tuple(die.sample(possible, count))


def value_of(
    template: Template,
    name: str,
    choices: Mapping[str, Collection[str]],
    results: Mapping[str, Any],
    parents: Collection[str],
) -> Any:
    """What a step returns: its decision, or its name with a digest of what its parents returned."""
    if template.by_name[name].type is StepType.DECISION:
        return {"type": "create_steps", "step_names": list(choices[name])}
    known = sorted((parent, str(results[parent])) for parent in results if parent in parents)
    return f"{name}({len(known)}, {sum(map(_digest, known))})"


def inherit(template: Template, bypassed: Collection[str]) -> dict[str, set[str]]:
    """Name -> parents, once the bypassed steps are taken out of the graph one by one, the last first."""
    parents = {step.name: set(step.parents) for step in template.steps}
    for gone in [step.name for step in template.steps if step.name in bypassed][::-1]:
        above = parents.pop(gone)
        parents = {name: (own - {gone}) | above if gone in own else own for name, own in parents.items()}
    return parents


def evaluate(template: Template, choices: Mapping[str, Collection[str]], bypassed: Collection[str]) -> dict[str, Any]:
    """Name -> value of each step that comes into being."""
    parents = inherit(template, bypassed)
    values: dict[str, Any] = {}
    for step in template.steps:
        if step.name not in bypassed and _comes(template, step, choices, parents[step.name], values, bypassed):
            values[step.name] = value_of(template, step.name, choices, values, parents[step.name])
    return values


def _comes(
    template: Template,
    step: StepTemplate,
    choices: Mapping[str, Collection[str]],
    parents: Collection[str],
    made: Collection[str],
    bypassed: Collection[str],
) -> bool:
    if step.type is StepType.DEFERRED:
        return True
    return all(
        parent in made
        and (
            template.by_name[parent].type is not StepType.DECISION or _chosen(template, step, choices[parent], bypassed)
        )
        for parent in parents
    )


def _chosen(template: Template, step: StepTemplate, named: Collection[str], bypassed: Collection[str]) -> bool:
    """Named itself, or below a bypassed step that was."""
    return step.name in named or any(
        it in bypassed and _chosen(template, template.by_name[it], named, bypassed) for it in step.parents
    )


def _digest(value: tuple[str, str]) -> int:
    total = 0
    for sign in "=".join(value):
        total = (total * 31 + ord(sign)) % 1_000_003
    return total

"""Templates out of YAML. Every problem is found before any is told, each with its file and line."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from botserver_workflows.errors import TemplateError
from botserver_workflows.template import (
    Backoff,
    Lifecycle,
    RetryPolicy,
    StalenessAction,
    StepTemplate,
    StepType,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Place = tuple[str | int, ...]


def read_template(text: str, file_name: str, *, environment: str = "") -> Template:
    """The template in this text, with the overrides of its section `environments` for this environment.

    `TemplateError` with every problem: YAML that is none, keys that nobody knows, values that do not fit, steps that
    wait for unknown steps or for each other, a schema of the input that is none.
    """
    document = _parse(text, file_name)
    try:
        read = _Template.model_validate(document.value)
    except ValidationError as error:
        raise TemplateError(*_problems_of(error, document)) from None
    problems = [*_step_problems(read, document), *_schema_problems(read, document)]
    if problems:
        raise TemplateError(*problems)
    return _build(read, environment)


class _Document(NamedTuple):
    """The value of a YAML text, and the line on which each part of it begins."""

    file_name: str
    value: Any
    lines: dict[Place, int]

    def at(self, place: Place) -> str:
        """File and line of this place, or of the nearest place around it that is written."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.file_name}:{self.lines.get(place, 1)}"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Handler(_Part):
    callable: str = Field(min_length=1)
    initialization: dict[str, Any] = {}


class _Retry(_Part):
    retryable: bool = True
    max_attempts: int = Field(default=3, ge=0, validation_alias=AliasChoices("max_attempts", "limit"))
    backoff: Backoff = Backoff.EXPONENTIAL
    backoff_base_ms: int = Field(default=1_000, ge=0)
    max_backoff_ms: int = Field(default=30_000, ge=0)


class _Step(_Part):
    name: str = Field(min_length=1)
    description: str = ""
    handler: _Handler
    type: StepType = Field(default=StepType.STANDARD, validation_alias=AliasChoices("type", "step_type"))
    system_dependency: str | None = None
    dependencies: list[str] = []
    retry: _Retry = _Retry()
    timeout_seconds: float = Field(default=300.0, gt=0)
    publishes_events: list[str] = []


class _HandlerOverride(_Part):
    callable: str | None = Field(default=None, min_length=1)
    initialization: dict[str, Any] | None = None


class _RetryOverride(_Part):
    retryable: bool | None = None
    max_attempts: int | None = Field(default=None, ge=0, validation_alias=AliasChoices("max_attempts", "limit"))
    backoff: Backoff | None = None
    backoff_base_ms: int | None = Field(default=None, ge=0)
    max_backoff_ms: int | None = Field(default=None, ge=0)


class _StepOverride(_Part):
    """What one environment changes of a step, or of all of them with the name ALL."""

    name: str
    handler: _HandlerOverride = _HandlerOverride()
    timeout_seconds: float | None = Field(default=None, gt=0)
    retry: _RetryOverride = _RetryOverride()


class _Environment(_Part):
    task_handler: dict[str, Any] = {}
    steps: list[_StepOverride] = []


class _Lifecycle(_Part):
    max_duration_minutes: float | None = Field(default=24 * 60.0, gt=0)
    max_waiting_for_dependencies_minutes: float | None = Field(default=60.0, gt=0)
    max_waiting_for_retry_minutes: float | None = Field(default=30.0, gt=0)
    max_steps_in_process_minutes: float | None = Field(default=30.0, gt=0)
    staleness_action: StalenessAction = StalenessAction.DEAD_LETTER
    auto_fail_on_timeout: bool = False
    auto_dlq_on_timeout: bool = True


class _Template(_Part):
    name: str = Field(min_length=1)
    namespace_name: str = Field(min_length=1, validation_alias=AliasChoices("namespace_name", "namespace"))
    version: str = Field(default="1.0.0", min_length=1, coerce_numbers_to_str=True)
    description: str = ""
    metadata: dict[str, Any] = {}
    task_handler: _Handler | None = None
    system_dependencies: dict[str, Any] = {}
    domain_events: list[dict[str, Any]] = []
    input_schema: dict[str, Any] = {}
    steps: list[_Step] = Field(min_length=1)
    environments: dict[str, _Environment] = {}
    lifecycle: _Lifecycle = _Lifecycle()


def _parse(text: str, file_name: str) -> _Document:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TemplateError(f"{file_name}:{line}: this is no YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"{file_name}:1: this is no YAML: {error}.") from None
    finally:
        loader.dispose()
    if not isinstance(value, dict):
        raise TemplateError(f"{file_name}:1: a template is a table of keys, such as name: and steps:.")
    lines: dict[Place, int] = {}
    twice: list[str] = []
    _note_lines(node, (), lines, twice, file_name)
    if twice:
        raise TemplateError(*twice)
    return _Document(file_name, value, lines)


def _note_lines(node: Any, place: Place, lines: dict[Place, int], twice: list[str], file_name: str) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, key.value)
            if inner in lines:
                twice.append(f"{file_name}:{key.start_mark.line + 1}: {key.value} is given twice. Keep one of the two.")
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines, twice, file_name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*place, index), lines, twice, file_name)


def _problems_of(error: ValidationError, document: _Document) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        place = detail["loc"]
        name = ".".join(str(part) for part in place)
        if detail["type"] == "extra_forbidden":
            yield f"{document.at(place)}: {name} is not known. {_hint(place)}"
        elif detail["type"] == "missing":
            yield f"{document.at(place)}: {name} is missing."
        else:
            yield f"{document.at(place)}: {name}: {detail['msg']}."


def _hint(place: Place) -> str:
    kind: type[BaseModel] = _Template
    for part in place[:-1]:
        if isinstance(part, str) and part in _KINDS:
            kind = _KINDS[part]
    known = list(kind.model_fields)
    close = get_close_matches(str(place[-1]), known, 1)
    return f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."


_KINDS: dict[str, type[BaseModel]] = {
    "steps": _Step,
    "handler": _Handler,
    "task_handler": _Handler,
    "retry": _Retry,
    "lifecycle": _Lifecycle,
    "environments": _Environment,
}


def _step_problems(template: _Template, document: _Document) -> Iterator[str]:
    names = [step.name for step in template.steps]
    for index, step in enumerate(template.steps):
        if step.name in names[:index]:
            yield f"{document.at(('steps', index, 'name'))}: there is another step named {step.name}. Rename one."
        for number, parent in enumerate(step.dependencies):
            if parent not in names:
                close = get_close_matches(parent, names, 1)
                hint = f"Did you mean {close[0]}?" if close else f"Steps are {', '.join(names)}."
                line = document.at(("steps", index, "dependencies", number))
                yield f"{line}: {step.name} waits for {parent}, which is no step. {hint}"
    for environment, changes in template.environments.items():
        for index, override in enumerate(changes.steps):
            if override.name not in {*names, "ALL"}:
                line = document.at(("environments", environment, "steps", index))
                yield f"{line}: {environment} changes {override.name}, which is no step."
    try:
        _order(template.steps)
    except CycleError as error:
        ring = error.args[1]
        line = document.at(("steps", names.index(ring[0])))
        yield f"{line}: steps wait for each other: {' waits for '.join(ring[::-1])}. Remove one of these."


def _schema_problems(template: _Template, document: _Document) -> Iterator[str]:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(template.input_schema).check_schema(template.input_schema)
    except SchemaError as error:
        place: Place = ("input_schema", *error.absolute_path)
        yield f"{document.at(place)}: input_schema is no JSON Schema: {error.message}."


def _order(steps: Sequence[_Step]) -> list[_Step]:
    """Parents first, and as written where that leaves a choice. `CycleError` when there is no such order."""
    known = {step.name: (index, step) for index, step in enumerate(steps)}
    sorter = TopologicalSorter({step.name: [it for it in step.dependencies if it in known] for step in steps})
    sorter.prepare()
    ordered: list[_Step] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda name: known[name][0])
        ordered += [known[name][1] for name in ready]
        sorter.done(*ready)
    return ordered


def _build(read: _Template, environment: str) -> Template:
    overrides = read.environments.get(environment, _Environment()).steps
    steps = tuple(_build_step(step, overrides) for step in _order(read.steps))
    content = json.dumps(read.model_dump(mode="json"), sort_keys=True, default=str)
    return Template(
        namespace=read.namespace_name,
        name=read.name,
        version=read.version,
        steps=steps,
        description=read.description,
        input_schema=read.input_schema,
        lifecycle=Lifecycle(**read.lifecycle.model_dump()),
        metadata=json.loads(json.dumps(read.metadata, default=str)),
        checksum=hashlib.sha256(f"{environment}\n{content}".encode()).hexdigest(),
    )


def _build_step(step: _Step, overrides: Sequence[_StepOverride]) -> StepTemplate:
    for override in overrides:
        if override.name in {step.name, "ALL"}:
            step = _overridden(step, override)
    return StepTemplate(
        name=step.name,
        handler=step.handler.callable,
        parents=tuple(dict.fromkeys(step.dependencies)),
        type=step.type,
        description=step.description,
        initialization=step.handler.initialization,
        retry=RetryPolicy(
            retryable=step.retry.retryable,
            max_attempts=step.retry.max_attempts,
            backoff=step.retry.backoff,
            base_milliseconds=step.retry.backoff_base_ms,
            max_milliseconds=step.retry.max_backoff_ms,
        ),
        timeout_seconds=step.timeout_seconds,
    )


def _overridden(step: _Step, override: _StepOverride) -> _Step:
    return step.model_copy(
        update={
            "retry": step.retry.model_copy(update=override.retry.model_dump(exclude_none=True)),
            "handler": step.handler.model_copy(update=override.handler.model_dump(exclude_none=True)),
            "timeout_seconds": override.timeout_seconds or step.timeout_seconds,
        }
    )

"""What a client asks for, as a value that breaks no rule that can be checked without the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botserver_workflows.errors import InvalidInputError
from botserver_workflows.values import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from botserver_workflows.template import Template


@dataclass(frozen=True)
class TaskRequest:
    """A task that somebody wants. `idempotency_key`: asked for twice with one key, there is one task."""

    namespace: str
    name: str
    version: str = "1.0.0"
    context: Mapping[str, Any] = field(default_factory=dict)
    initiator: str = "unknown"
    source_system: str = "unknown"
    reason: str = "not given"
    tags: tuple[str, ...] = ()
    bypassed: tuple[str, ...] = ()
    priority: int = 0
    requested_at: datetime | None = None
    correlation_id: UUID | None = None
    parent_correlation_id: UUID | None = None
    idempotency_key: str | None = None
    options: Mapping[str, Any] | None = None


def check_context(request: TaskRequest, template: Template) -> None:
    """`InvalidInputError` with every way in which the context breaks the schema of the template.

    `UnrepresentableError` when a part of the request cannot be stored.
    """
    for name, value in vars(request).items():
        if isinstance(value, str | tuple | dict):
            to_json(value, where=name)
    problems = tuple(_violations(request, template))
    if problems:
        raise InvalidInputError(*problems)


def _violations(request: TaskRequest, template: Template) -> Iterator[str]:
    if not template.input_schema:
        return
    from jsonschema.validators import validator_for

    validator = validator_for(template.input_schema)(template.input_schema)
    found = validator.iter_errors(dict(request.context))
    for error in sorted(found, key=lambda it: [str(part) for part in it.absolute_path]):
        place = ".".join(["context", *(str(part) for part in error.absolute_path)])
        yield f"{place}: {error.message}."

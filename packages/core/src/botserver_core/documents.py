"""The API as a page: the OpenAPI document, read by a person. Needs no script and nothing from elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from botserver_core.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: How far schemas within schemas are followed. Recursive ones have no end.
_DEPTH = 6

_Schema = dict[str, Any]


class Parameter(NamedTuple):
    """One parameter, or one field of a body."""

    name: str
    place: str
    kind: str
    required: bool
    about: str


class Answer(NamedTuple):
    """One status that an operation answers with."""

    status: str
    about: str
    media_type: str
    example: str


class Operation(NamedTuple):
    """One method of one path."""

    anchor: str
    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[Parameter, ...]
    body_type: str
    body_example: str
    answers: tuple[Answer, ...]


class Section(NamedTuple):
    """The operations of one service."""

    name: str
    operations: tuple[Operation, ...]


def create_documents_router(openapi: Callable[[], _Schema]) -> APIRouter:
    """`/docs`, made of the OpenAPI document of the application."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        document = openapi()
        info = document["info"]
        return render_page(
            request,
            "botserver_core/docs.html",
            name=info["title"],
            version=info["version"],
            sections=read_sections(document),
        )

    return router


def read_sections(document: _Schema) -> tuple[Section, ...]:
    """The operations of an OpenAPI document by their first tag, in the order of the document."""
    sections: dict[str, list[Operation]] = {}
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            sections.setdefault(tag, []).append(_read_operation(document, path, method, operation))
    return tuple(Section(name, tuple(operations)) for name, operations in sections.items())


def _read_operation(document: _Schema, path: str, method: str, operation: _Schema) -> Operation:
    parameters = tuple(_read_parameter(document, it) for it in operation.get("parameters", ()))
    body_type, body = _first(operation.get("requestBody", {}).get("content", {}))
    fields = tuple(_fields(document, body.get("schema", {})))
    return Operation(
        anchor=operation.get("operationId", f"{method}-{path}"),
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        about=operation.get("description", ""),
        parameters=(*parameters, *fields),
        body_type=body_type,
        body_example=_show(document, body.get("schema")),
        answers=tuple(_read_answer(document, status, it) for status, it in operation.get("responses", {}).items()),
    )


def _read_parameter(document: _Schema, parameter: _Schema) -> Parameter:
    schema = parameter.get("schema", {})
    about = parameter.get("description", "") or schema.get("description", "")
    return Parameter(
        parameter["name"], parameter["in"], _kind(document, schema), parameter.get("required", False), about
    )


def _fields(document: _Schema, schema: _Schema) -> Iterator[Parameter]:
    found = _resolve(document, schema)
    required = found.get("required", ())
    for name, field in found.get("properties", {}).items():
        yield Parameter(name, "body", _kind(document, field), name in required, field.get("description", ""))


def _read_answer(document: _Schema, status: str, answer: _Schema) -> Answer:
    media_type, content = _first(answer.get("content", {}))
    return Answer(status, answer.get("description", ""), media_type, _show(document, content.get("schema")))


def _first(content: Mapping[str, _Schema]) -> tuple[str, _Schema]:
    return next(iter(content.items()), ("", {}))


def _resolve(document: _Schema, schema: _Schema) -> _Schema:
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document.get("components", {}).get("schemas", {}).get(name, {})
    return schema


def _kind(document: _Schema, schema: _Schema) -> str:
    schema = _resolve(document, schema)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_kind(document, it) for it in choices))
    if "enum" in schema:
        return ", ".join(json.dumps(it) for it in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    return f"{kind}, {schema['format']}" if "format" in schema else str(kind)


def _show(document: _Schema, schema: _Schema | None) -> str:
    return "" if not schema else json.dumps(_example(document, schema, _DEPTH), indent=2, ensure_ascii=False)


def _example(document: _Schema, schema: _Schema, depth: int) -> Any:
    schema = _resolve(document, schema)
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return _example(document, choices[0], depth)
    if depth == 0:
        return "…"
    if "properties" in schema:
        return {name: _example(document, it, depth - 1) for name, it in schema["properties"].items()}
    kind = schema.get("type", "object")
    if kind == "array":
        return [_example(document, schema["items"], depth - 1)] if schema.get("items") else []
    samples = {"string": schema.get("format", "text"), "integer": 0, "number": 0.5, "boolean": True, "null": None}
    return samples.get(kind if isinstance(kind, str) else kind[0], {})

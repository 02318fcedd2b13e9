"""The OpenAPI document, with the errors that every operation can answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botserver_core.shapes import Territories
    from botstate import ErrorShape

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})

#: RFC 9457, as `Problem.to_response` writes it.
PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What went wrong this time, and what to do."},
        "code": {"type": "string", "description": "The stable name of this kind of error."},
        "errors": {
            "type": "array",
            "description": "Every part of the request that is not of the right form.",
            "items": {
                "type": "object",
                "properties": {
                    "where": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "what": {"type": "string"},
                    "code": {"type": "string"},
                },
                "required": ["where", "what", "code"],
            },
        },
    },
    "required": ["title", "status"],
}

_ABOUT = {
    "4XX": "The request cannot be answered as it is.",
    "5XX": "The server cannot answer at the moment, or has a fault.",
}
_FORM = {"422": "The request does not have the form that is asked for."}


def add_errors(document: dict[str, Any], territories: Territories) -> dict[str, Any]:
    """Give every operation its errors in the shape of its service. Whatever a service documents itself stays."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for path, operation in _operations(document):
        territory = territories.of(path)
        content = _content(territory.service, territory.errors, schemas)
        responses = operation.setdefault("responses", {})
        wanted = dict(_ABOUT)
        if "HTTPValidationError" in str(responses.get("422", "")):
            del responses["422"]  # the framework's own shape, which is not what it answers here
            wanted = {**_FORM, **_ABOUT}
        for status, about in wanted.items():
            responses.setdefault(status, {"description": about, "content": content})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            if method in _METHODS:
                yield path, operation


def _content(service: str, shape: ErrorShape | None, schemas: dict[str, Any]) -> dict[str, Any]:
    if shape is None:
        return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    name = f"Error-{service}"
    schemas[name] = dict(shape.schema)
    return {shape.media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}

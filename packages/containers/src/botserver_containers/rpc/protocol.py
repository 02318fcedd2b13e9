"""Requests and answers of JSON-RPC, with or without `jsonrpc` and `id`. Pure."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from botlib import BotError, ForbiddenError, InvalidError, NotFoundError, UnauthenticatedError
from botserver_containers.errors import (
    BusyError,
    ManifestError,
    MissingDependenciesError,
    NotOfferedError,
    ParametersError,
    PodmanMissingError,
    PortTakenError,
)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMETERS = -32602
INTERNAL = -32603

#: The code of each kind of error that this service raises on purpose; the first that fits counts.
CODES: tuple[tuple[type[BotError], int], ...] = (
    (ParametersError, INVALID_PARAMETERS),
    (ManifestError, -32010),
    (MissingDependenciesError, -32011),
    (BusyError, -32012),
    (PortTakenError, -32013),
    (PodmanMissingError, -32014),
    (UnauthenticatedError, -32001),
    (ForbiddenError, -32003),
    (NotOfferedError, UNKNOWN_METHOD),
    (NotFoundError, -32004),
    (InvalidError, INVALID_PARAMETERS),
    (BotError, -32000),
)


class Request(NamedTuple):
    """One call. `envelope` is what its answer repeats: `jsonrpc` and `id`, if they were there."""

    method: str
    parameters: dict[str, Any]
    envelope: dict[str, Any]


class RpcError(Exception):
    """A request that is none."""

    def __init__(self, code: int, message: str, envelope: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.envelope = envelope or {}


def read_request(body: bytes) -> Request:
    """The request in a body, or `RpcError`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RpcError(PARSE_ERROR, "The body is no JSON.") from None
    if not isinstance(document, dict):
        raise RpcError(INVALID_REQUEST, "The body is no object with a method.")
    envelope = {key: document[key] for key in ("jsonrpc", "id") if key in document}
    method, parameters = document.get("method"), document.get("params")
    if not isinstance(method, str) or not method:
        raise RpcError(INVALID_REQUEST, "The method is missing, or no text.", envelope)
    if not isinstance(envelope.get("id", 0), int | float | str | None):
        raise RpcError(INVALID_REQUEST, "The id is no number and no text.", {**envelope, "id": None})
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, dict):
        raise RpcError(INVALID_PARAMETERS, "params must be an object.", envelope)
    return Request(method, parameters, envelope)


def answer(request: Request, result: Any) -> dict[str, Any]:
    """The answer of a call that went well."""
    return {**request.envelope, "result": result}


def refusal(envelope: dict[str, Any], code: int, message: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of a call that did not."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data:
        error["data"] = data
    return {**envelope, "error": error}


def refusal_of(request: Request, error: BotError) -> dict[str, Any]:
    """The same for an error of ours: the sentence with its remedy, and in `data` what programs can use."""
    code = next(code for kind, code in CODES if isinstance(error, kind))
    data: dict[str, Any] = {"code": error.code}
    for name in ("problems", "names", "exit_code", "log"):
        if value := getattr(error, name, None):
            data[name] = list(value) if isinstance(value, tuple) else value
    return refusal(request.envelope, code, str(error), data)

"""Errors as `application/problem+json` (RFC 9457), and never a stack trace."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response

from botlib import (
    BotError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    LimitError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from botserver_core.sharing import shared_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

#: Which status an error of the platform has. The first class that fits counts; any other error is a 500.
STATUSES: tuple[tuple[type[BotError], HTTPStatus], ...] = (
    (InvalidError, HTTPStatus.BAD_REQUEST),
    (UnauthenticatedError, HTTPStatus.UNAUTHORIZED),
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (LimitError, HTTPStatus.TOO_MANY_REQUESTS),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)


@dataclass(frozen=True)
class Problem:
    """What the caller is told. `title` belongs to the status, `detail` to this occurrence; neither holds a secret."""

    status: int
    detail: str = ""
    code: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The common name of the status."""
        return HTTPStatus(self.status).phrase

    def to_response(self) -> Response:
        """The answer, with only those members that say something."""
        members = {"title": self.title, "status": self.status, "detail": self.detail, "code": self.code, **self.more}
        body = json.dumps({key: value for key, value in members.items() if value != ""})
        return Response(body, self.status, dict(self.headers), "application/problem+json")


def problem_of(error: BotError) -> Problem:
    """The problem that an error of the platform is to its caller. An unexpected kind keeps its text to itself."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return Problem(status, str(error), error.code, headers=_headers(error))
    return UNEXPECTED


# Kinds of error that the framework raises, by the names that the platform has for them.
_CODES = {
    **{status.value: kind.code for kind, status in STATUSES},
    HTTPStatus.METHOD_NOT_ALLOWED.value: "method-not-allowed",
    HTTPStatus.REQUEST_TIMEOUT.value: "too-slow",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: "too-large",
}


def problem_of_status(error: HTTPException) -> Problem:
    """The problem that an error of the framework is; its detail is left out when it says no more than the status."""
    detail = "" if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
    return Problem(error.status_code, detail, _CODES.get(error.status_code, ""), headers=error.headers or {})


#: The answer to an error that nobody foresaw; what it was is in the log, under the id of the request.
UNEXPECTED = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Something went wrong here. The log has it under the id of this request.",
    "internal",
)


def install_problems(app: FastAPI) -> None:
    """Let every error that a route raises be answered as a problem, in the shape of the service it belongs to."""
    app.add_exception_handler(BotError, _answer_bot_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)


def _headers(error: BotError) -> dict[str, str]:
    if isinstance(error, LimitError) and error.retry_after is not None:
        return {"Retry-After": str(math.ceil(error.retry_after))}
    return {}


def _answer(problem: Problem, request: Request) -> Response:
    return shared_of(request).territories.answer(problem, request.scope["path"])


async def _answer_bot_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BotError)
    problem = problem_of(error)
    if problem is UNEXPECTED:
        raise error  # to the outermost layer, which writes it down
    return _answer(problem, request)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code in {204, 304}:
        return Response(status_code=error.status_code, headers=error.headers)
    problem = problem_of_status(error)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods_of(request))
        problem = replace(problem, headers={**problem.headers, **({"Allow": allowed} if allowed else {})})
    return _answer(problem, request)


def _methods_of(request: Request) -> list[str]:
    """The methods of every route at this path. Starlette names only those of the first one."""
    path = request.scope["path"]
    methods: set[str] = set()
    for context in iter_route_contexts(request.scope["app"].routes):
        if context.methods and context.path_regex.match(path):
            methods |= context.methods
    return sorted(methods)


async def _answer_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent is left out: it may be a password.
    errors = [{"where": list(it["loc"]), "what": it["msg"], "code": it["type"]} for it in error.errors()]
    problem = Problem(422, "The request does not have the form that is asked for.", "invalid", {"errors": errors})
    return _answer(problem, request)

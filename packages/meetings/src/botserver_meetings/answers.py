"""Errors as this API tells them: `{"detail": …}`, with the codes of the contract."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from botlib import BotError, ConflictError, ForbiddenError, InvalidError, LimitError, NotFoundError, UnavailableError
from botserver_meetings.errors import AdminOffError, FullError, KeyMissingError, LaunchError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

    from botserver_meetings.context import Context
    from botserver_meetings.profiles import Profile

#: Where the dependencies of a route find the context.
SCOPE_KEY = "botserver_meetings"

#: Which code an error has. The first class that fits counts.
CODES: tuple[tuple[type[BotError], int], ...] = (
    (AdminOffError, 500),
    (LaunchError, 500),
    (MalformedError, 422),
    (KeyMissingError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (InvalidError, 400),
    (LimitError, 429),
    (UnavailableError, 503),
)


def route_class(context: Context) -> type[APIRoute]:
    """Routes that know this context, and whose errors have the form of this API."""

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def answer(request: Request) -> Response:
                request.scope[SCOPE_KEY] = context
                try:
                    return await handler(request)
                except RequestValidationError as error:
                    return _answer_invalid(error)
                except BotError as error:
                    return answer_error(context.profile, error)

            return answer

    return Route


def answer_error(profile: Profile, error: BotError) -> Response:
    """The answer to an error of the platform; one that nobody foresaw is raised again, for the log."""
    if isinstance(error, FullError):
        code, text = profile.full_code, profile.full_text.format(limit=error.limit)
        return JSONResponse({"detail": text}, code, _headers(error))
    if isinstance(error, MalformedError):
        return JSONResponse({"detail": [_item(["body", error.where], error.message, "value_error")]}, 422)
    for kind, code in CODES:
        if isinstance(error, kind):
            return JSONResponse({"detail": error.message}, code, _headers(error))
    raise error


def _answer_invalid(error: RequestValidationError) -> Response:
    # What was sent is left out: it may be a key.
    return JSONResponse({"detail": [_item(it["loc"], it["msg"], it["type"]) for it in error.errors()]}, 422)


def _item(where: Any, what: str, kind: str) -> dict[str, Any]:
    return {"loc": list(where), "msg": what, "type": kind}


def _headers(error: BotError) -> dict[str, str]:
    if isinstance(error, LimitError) and error.retry_after is not None:
        return {"Retry-After": str(math.ceil(error.retry_after))}
    return {}

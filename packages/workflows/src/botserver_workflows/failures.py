"""How errors look to clients of workflows: {"error": {"code": …, "message": …}} (contract, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import ErrorShape

if TYPE_CHECKING:
    from botstate import Failure

#: Which code a status has; one that is not here is told by its class.
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    422: "BAD_REQUEST",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
_CODES_OF_ERRORS = {"workflows-invalid-id": "INVALID_UUID"}


def _body(failure: Failure) -> object:
    status = _CODES.get(failure.status, "INTERNAL_ERROR" if failure.status >= 500 else "BAD_REQUEST")
    code = _CODES_OF_ERRORS.get(failure.code, status)
    problems = failure.more.get("errors", ())
    told = "; ".join(f"{'.'.join(str(part) for part in it['where'])}: {it['what']}" for it in problems)
    return {"error": {"code": code, "message": told or failure.detail or failure.title}}


ERRORS = ErrorShape(
    _body,
    {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            }
        },
    },
)

"""Errors of the application itself under the paths of this service: a path, a method or a size that it refuses.

Those of the service are told by `answers`, which knows the dialect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botstate import ErrorShape

if TYPE_CHECKING:
    from botstate import Failure


def _body(failure: Failure) -> object:
    return {"detail": failure.detail or failure.title}


#: `{"detail": …}`, as all errors of this API.
ERRORS = ErrorShape(_body, {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}})

"""Which form errors have under which path, and what else differs from service to service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from botstate import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botserver_core.problems import Problem
    from botstate import Callers, ErrorShape


class Territory(NamedTuple):
    """What holds under one path of a service, and under all below unless it is an exact one."""

    path: str
    service: str
    errors: ErrorShape | None
    body_bytes: int
    callers: Callers | None
    exact: bool = False


class Territories:
    """The paths of all services. A path outside of them belongs to the application."""

    def __init__(self, territories: Iterable[Territory], otherwise: Territory) -> None:
        known = tuple(territories)
        self._exact = {it.path: it for it in known if it.exact}
        self._by_path = {it.path: it for it in known if not it.exact}
        self._otherwise = otherwise
        # Services with a path of one part, like /mail, are found without a loop; that is nearly all of them.
        self._deep = tuple(it for it in self._by_path.values() if it.path.count("/") > 1)

    def of(self, path: str) -> Territory:
        """Whose path it is."""
        end = path.find("/", 1)
        found = self._by_path.get(path if end < 0 else path[:end])
        if found is not None:
            return found
        if path in self._exact:
            return self._exact[path]
        for it in self._deep:
            if path.startswith(it.path) and path[len(it.path) :][:1] in {"", "/"}:
                return it
        return self._otherwise

    def answer(self, problem: Problem, path: str) -> Response:
        """The problem as the clients of this path expect it."""
        shape = self.of(path).errors
        if shape is None:
            return problem.to_response()
        failure = Failure(problem.status, problem.title, problem.detail, problem.code, problem.more)
        body = json.dumps(shape.body(failure))
        return Response(body, problem.status, dict(problem.headers), shape.media_type)

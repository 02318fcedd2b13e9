"""Every path that the clients call. The one list: a test asks a real server for each of them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote


class Route(NamedTuple):
    """A method and a path. `repeatable`: asked twice, the server is as if it had been asked once.

    `answers` are statuses beyond 2xx that hold an answer, and not an error.
    """

    method: str
    path: str
    repeatable: bool = False
    answers: frozenset[int] = frozenset()

    def at(self, **parts: object) -> str:
        """The path with its parts filled in; no part can lead to another path."""
        return self.path.format(**{name: quote(str(part), safe="") for name, part in parts.items()})


def _get(path: str, *answers: int) -> Route:
    return Route("GET", path, repeatable=True, answers=frozenset(answers))


#: Repeatable because the client never sends a request for a task without a key.
CREATE_TASK = Route("POST", "/v1/tasks", repeatable=True)
LIST_TASKS = _get("/v1/tasks")
GET_TASK = _get("/v1/tasks/{task}")
CANCEL_TASK = Route("DELETE", "/v1/tasks/{task}")
LIST_STEPS = _get("/v1/tasks/{task}/workflow_steps")
GET_STEP = _get("/v1/tasks/{task}/workflow_steps/{step}")
CHANGE_STEP = Route("PATCH", "/v1/tasks/{task}/workflow_steps/{step}")
LIST_NAMESPACES = _get("/v1/handlers")
LIST_TEMPLATES = _get("/v1/handlers/{namespace}")
GET_TEMPLATE = _get("/v1/handlers/{namespace}/{name}")
LIST_DEAD_LETTERS = _get("/v1/dlq")
GET_DEAD_LETTER = _get("/v1/dlq/task/{task}")
LIST_INVESTIGATIONS = _get("/v1/dlq/investigation-queue")
LIST_STAYS = _get("/v1/dlq/staleness")
COUNT_DEAD_LETTERS = _get("/v1/dlq/stats")
CHANGE_DEAD_LETTER = Route("PATCH", "/v1/dlq/entry/{entry}")
MEASURE_PERFORMANCE = _get("/v1/analytics/performance")
FIND_BOTTLENECKS = _get("/v1/analytics/bottlenecks")
LIST_WORKERS = _get("/v1/workers")
GET_WORKER = _get("/v1/workers/{worker}/status")
GET_WORKER_HEALTH = _get("/v1/workers/{worker}/health")
#: A server that is not ready says so with 503.
GET_HEALTH = _get("/health", 503)

ROUTES = tuple(value for value in list(globals().values()) if isinstance(value, Route))

"""What a person writes for a step: a function with a name.

    @handler("shop.reserve")
    async def reserve(step: Step) -> dict[str, object]:
        return {"reserved": step.results["validate"]["items"]}

Plain functions run in a thread. What is returned becomes the result of the step and must fit into JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botserver_workflows.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from types import ModuleType
    from uuid import UUID

    Handler = Callable[["Step"], Awaitable[Any] | Any]

F = TypeVar("F", bound="Callable[[Step], Awaitable[Any] | Any]")
_NAME = "__workflow_handler__"


@dataclass(frozen=True)
class Step:
    """What a handler gets. `context` is the input of the task, `results` what each parent returned, by its name.

    `attempt` is 1 for the first one. A step may run more than once, so what it does elsewhere carries `key`, which is
    the same for every attempt, and lets the other side see that it is asked again.
    """

    task_id: UUID
    step_id: UUID
    name: str
    attempt: int
    context: Mapping[str, Any]
    results: Mapping[str, Any]
    initialization: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The idempotency key of this step."""
        return str(self.step_id)


@dataclass(frozen=True)
class Result:
    """What a handler may return instead of the bare value: the value, and what else is worth keeping about it."""

    value: Any
    custom: Mapping[str, Any]


class StepError(WorkflowError):
    """A handler raises it to say how its step failed. Any other exception is a failure that is tried again.

    `code` is for programs; `retry_after` is the pause in seconds before the next attempt.
    """

    def __init__(
        self, message: str, code: str = "", *, retryable: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.step_code = code
        self.retryable = retryable
        self.retry_after = retry_after


def handler(name: str) -> Callable[[F], F]:
    """Make a function the handler of this name, which is what a template calls `callable`."""

    def mark(function: F) -> F:
        setattr(function, _NAME, name)
        return function

    return mark


def collect_handlers(modules: Iterable[ModuleType]) -> dict[str, Handler]:
    """The handlers in these modules by their names. `WorkflowError` when two functions have one name."""
    found: dict[str, Handler] = {}
    for module in modules:
        for value in vars(module).values():
            name = getattr(value, _NAME, None)
            if not isinstance(name, str):
                continue
            if found.setdefault(name, value) is not value:
                raise WorkflowError(f"Two functions are the handler {name}.", remedy="Rename one of them.")
    return found

"""The synchronous face: the same clients, run by an event loop in a thread of their own.

So there is one implementation, deadlines are as exact as there, and a client may be used from several threads and from
within a running event loop.
"""

from __future__ import annotations

import asyncio
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from botserver_client.client import Client
from botserver_client.orchestration import OrchestrationClient
from botserver_client.worker import WorkerClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from botlib import Secret

C = TypeVar("C", bound=Client)
P = ParamSpec("P")
T = TypeVar("T")

_END = object()


class Blocking(Generic[C]):
    """Runs a client. Closed at the end of a `with`, or by `close`; a call waits for its answer."""

    def __init__(self, client: C) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="botserver-client", daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._client.base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and the thread."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            work.close()
            raise RuntimeError("This client is closed.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # interrupted: what runs in the thread is of no use to anybody
            raise


def _blocking(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """The method, as one that waits."""

    @wraps(method)
    def call(self: Blocking[Any], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self._client, *args, **kwargs))

    return call


def _iterating(method: Callable[Concatenate[Any, P], AsyncIterator[T]]) -> Callable[Concatenate[Any, P], Iterator[T]]:
    """The method that gives values as they come, as one that waits for each."""

    @wraps(method)
    def iterate(self: Blocking[Any], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        values: Any = method(self._client, *args, **kwargs)
        try:
            while (value := self._run(_next(values))) is not _END:
                yield value
        finally:
            self._run(values.aclose())

    return iterate


async def _next(values: Any) -> Any:
    return await anext(values, _END)


class SyncOrchestrationClient(Blocking[OrchestrationClient]):
    """`OrchestrationClient` without `await`."""

    def __init__(
        self, base_url: str, *, token: Secret | str | None = None, timeout: float = 30.0, retries: int = 3
    ) -> None:
        super().__init__(OrchestrationClient(base_url, token=token, timeout=timeout, retries=retries))

    health = _blocking(OrchestrationClient.health)
    wait_until_ready = _blocking(OrchestrationClient.wait_until_ready)
    create_task = _blocking(OrchestrationClient.create_task)
    get_task = _blocking(OrchestrationClient.get_task)
    list_tasks = _blocking(OrchestrationClient.list_tasks)
    cancel_task = _blocking(OrchestrationClient.cancel_task)
    wait_for_completion = _blocking(OrchestrationClient.wait_for_completion)
    watch_task = _iterating(OrchestrationClient.watch_task)
    list_steps = _blocking(OrchestrationClient.list_steps)
    get_step = _blocking(OrchestrationClient.get_step)
    reset_step = _blocking(OrchestrationClient.reset_step)
    resolve_step = _blocking(OrchestrationClient.resolve_step)
    complete_step = _blocking(OrchestrationClient.complete_step)
    list_namespaces = _blocking(OrchestrationClient.list_namespaces)
    list_templates = _blocking(OrchestrationClient.list_templates)
    get_template = _blocking(OrchestrationClient.get_template)
    list_dead_letters = _blocking(OrchestrationClient.list_dead_letters)
    list_investigations = _blocking(OrchestrationClient.list_investigations)
    get_dead_letter = _blocking(OrchestrationClient.get_dead_letter)
    change_dead_letter = _blocking(OrchestrationClient.change_dead_letter)
    count_dead_letters = _blocking(OrchestrationClient.count_dead_letters)
    list_stays = _blocking(OrchestrationClient.list_stays)
    measure_performance = _blocking(OrchestrationClient.measure_performance)
    find_bottlenecks = _blocking(OrchestrationClient.find_bottlenecks)


class SyncWorkerClient(Blocking[WorkerClient]):
    """`WorkerClient` without `await`."""

    def __init__(
        self, base_url: str, *, token: Secret | str | None = None, timeout: float = 30.0, retries: int = 3
    ) -> None:
        super().__init__(WorkerClient(base_url, token=token, timeout=timeout, retries=retries))

    health = _blocking(WorkerClient.health)
    wait_until_ready = _blocking(WorkerClient.wait_until_ready)
    list_workers = _blocking(WorkerClient.list_workers)
    get_worker = _blocking(WorkerClient.get_worker)
    get_worker_health = _blocking(WorkerClient.get_worker_health)

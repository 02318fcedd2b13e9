"""The client of the workers: who they are, and whether they live."""

from __future__ import annotations

from botserver_client import routes
from botserver_client.client import Client
from botserver_client.registry import Worker, WorkerHealth


class WorkerClient(Client):
    """Looks at workers. Every method raises a `ClientError` when it cannot do what it says.

    The orchestration knows all workers, so its address is one of theirs too.
    """

    async def list_workers(self, *, namespace: str | None = None) -> tuple[Worker, ...]:
        """The workers, or those of one namespace, the newest life first."""
        return await self._caller.call(tuple[Worker, ...], routes.LIST_WORKERS, query={"namespace": namespace})

    async def get_worker(self, worker: str) -> Worker:
        """One worker."""
        return await self._caller.call(Worker, routes.GET_WORKER, worker=worker)

    async def get_worker_health(self, worker: str) -> WorkerHealth:
        """Whether a worker lives."""
        return await self._caller.call(WorkerHealth, routes.GET_WORKER_HEALTH, worker=worker)

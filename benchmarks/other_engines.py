"""Engines that no server has, for the comparison alone: `dbos` on SQLite, and the queue of procrastinate.

They keep the Protocol of the engines as far as a run without failures asks for it: nothing is reclaimed or sent again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, text

from botserver_workflows.engine import Message
from botserver_workflows.engines.inbox import Inbox
from botserver_workflows.engines.local import LocalEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_workflows.engine import Engine, Life, Supply

_SEND = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args) "
    "SELECT namespace, 'message', priority, "
    "jsonb_build_object('message', jsonb_build_array(id, dispatch, namespace, priority)) "
    "FROM workflows_step WHERE id IN :steps"
).bindparams(bindparam("steps", expanding=True))


@asynccontextmanager
async def open_dbos_on_sqlite(file: str, interval: float) -> AsyncIterator[Engine]:
    """The engine `dbos` with its queues in the file of the tables, which a server refuses."""
    from botserver_workflows.engines.dbos import DbosEngine

    engine = DbosEngine(f"sqlite:///{file}", interval)
    try:
        await asyncio.to_thread(import_module("dbos").DBOS.migrate, engine.url)
        yield engine
    finally:
        await asyncio.to_thread(engine.client.destroy)


@asynccontextmanager
async def open_procrastinate(url: str) -> AsyncIterator[Engine]:
    """Messages as jobs of procrastinate, beside the tables and stored in the unit that enqueues their steps."""
    app = create_app(url)
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
    yield _Procrastinate(url)


def create_app(url: str) -> Any:
    """An application of procrastinate on this database."""
    procrastinate = import_module("procrastinate")
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))


class _Procrastinate(LocalEngine):
    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, session: AsyncSession, dispatches: Mapping[UUID, int]) -> None:
        await session.execute(_SEND, {"steps": list(dispatches)})

    @asynccontextmanager
    async def supply(self, life: Life) -> AsyncIterator[Supply]:
        inbox = Inbox(life, lambda _message: None)
        app = create_app(self._url)

        async def deliver(message: list[Any]) -> None:
            done: Future[None] = Future()
            inbox.put(Message(UUID(message[0]), *message[1:]), partial(done.set_result, None))
            await asyncio.wrap_future(done)

        app.task(name="message")(deliver)
        async with app.open_async():
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=list(life.namespaces), concurrency=life.slots, install_signal_handlers=False
                )
            )
            try:
                yield inbox
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

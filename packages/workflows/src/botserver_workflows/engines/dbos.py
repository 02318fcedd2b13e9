"""The engine `dbos`: messages go through the queues of DBOS, in the database of the tables, one queue a namespace.

A message is a workflow of DBOS that hands itself to the worker and waits until it is settled. It is stored in the unit
that enqueues its step. What DBOS does with steps, results and recovery is not used: the tables know all of that.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import dbos
from sqlalchemy import bindparam, select

from botserver_workflows.engine import Message
from botserver_workflows.engines.inbox import Inbox
from botserver_workflows.errors import EngineError
from botserver_workflows.tables import steps
from botstate.postgres import parse_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session

    from botserver_workflows.engine import Life, Supply

SCHEMA = "wf_engine"
_NAME = "botserver-workflows"
#: Of the form of messages, not of the code that sends them: workers of all versions take them.
_VERSION = "1"
_WAITING = ["ENQUEUED", "PENDING", "DELAYED"]
_PAGE = 1_000
_MIDDLE = 2**30  # DBOS takes the smallest priority first, from 1 to 2**31 - 1
#: Seconds between two looks at one queue. A look takes about 1.5 ms, so a worker makes at most 20 of them a second.
SHORTEST_POLL, LONGEST_POLL = 0.05, 1.0
#: Seconds until a message that a worker could not use is seen by another one.
_PAUSE = 1.0
_ENQUEUED = select(steps.c.id, steps.c.dispatch, steps.c.namespace, steps.c.priority).where(
    steps.c.id.in_(bindparam("steps_", expanding=True))
)


@asynccontextmanager
async def open_dbos(url: str, poll_seconds: float = SHORTEST_POLL) -> AsyncIterator[DbosEngine]:
    """The engine on this database (`postgresql://…`), with its tables up to date."""
    engine = DbosEngine(parse_url(url).render_as_string(hide_password=False), poll_seconds)
    try:
        await asyncio.to_thread(dbos.DBOS.migrate, engine.url, schema=SCHEMA)
        yield engine
    finally:
        await asyncio.to_thread(engine.client.destroy)


class DbosEngine:
    """For workers on many machines with one PostgreSQL. A process supplies one life at a time: DBOS is one in it."""

    needs_care = True
    _is_taken = False  # of the class: whether this process supplies a life

    def __init__(self, url: str, poll_seconds: float = SHORTEST_POLL) -> None:
        """A queue is looked at every `poll_seconds`, or less often when there are many. See `open_dbos`."""
        logging.getLogger("dbos").setLevel(logging.WARNING)
        self.url = url
        self.client = dbos.DBOSClient(
            system_database_url=url, dbos_system_schema=SCHEMA, system_database_pool_size=2, lazy=True
        )
        self._poll = poll_seconds

    async def send(self, session: AsyncSession, dispatches: Mapping[UUID, int]) -> None:
        """In the transaction of the unit, so there is a message exactly when its step is enqueued."""
        rows = await session.execute(_ENQUEUED, {"steps_": list(dispatches)})
        messages = [Message(*row) for row in rows if dispatches[row.id] == row.dispatch]
        await session.run_sync(self._enqueue, messages)

    @asynccontextmanager
    async def supply(self, life: Life) -> AsyncIterator[Supply]:
        """Listen to the queues of its namespaces. `EngineError` when this process listens already."""
        loop = asyncio.get_running_loop()
        inbox = Inbox(life, self._give_back)

        async def deliver(step_id: str, *more: Any) -> None:
            """Run in the loop of DBOS, until the worker has no use for the message any more."""
            done: Future[None] = Future()
            message = Message(UUID(step_id), *more)
            loop.call_soon_threadsafe(inbox.put, message, partial(_settle, done))
            await asyncio.wrap_future(done)

        if DbosEngine._is_taken:
            raise EngineError("The engine dbos supplies one worker a process.", remedy="Start another process.")
        DbosEngine._is_taken = True
        try:
            await asyncio.to_thread(self._listen, life, deliver)
            yield inbox
        finally:
            await asyncio.to_thread(dbos.DBOS.destroy, destroy_registry=True)
            DbosEngine._is_taken = False

    async def reclaim(self, live: Collection[UUID]) -> int:
        """Queue again what the dead have taken from their queues."""
        names = {str(worker_id) for worker_id in live}

        def work() -> int:
            taken = self.client.list_workflows(status="PENDING", name=_NAME, load_input=False, load_output=False)
            of_the_dead = [it.workflow_id for it in taken if it.executor_id not in names]
            if of_the_dead:
                self.client.resume_workflows(of_the_dead)
            return len(of_the_dead)

        return await asyncio.to_thread(work)

    async def missing(self, messages: Sequence[Message]) -> list[Message]:
        """Those of which no message waits or is with a worker."""

        def work() -> list[Message]:
            names = {_prefix(it): it for it in messages}
            if not names:
                return []
            found = self.client.list_workflows(
                status=_WAITING, workflow_id_prefix=list(names), load_input=False, load_output=False
            )
            there = {":".join(it.workflow_id.split(":")[:2]) for it in found}
            return [message for name, message in names.items() if name not in there]

        return await asyncio.to_thread(work)

    async def resend(self, messages: Sequence[Message]) -> None:
        """Under ids that no message has had."""

        def work() -> None:
            for message in messages:
                self.client.enqueue(_options(message, _another_id(message)), *_content(message))

        await asyncio.to_thread(work)

    async def prune(self) -> int:
        """Delete the rows of messages that are settled."""

        def work() -> int:
            count = 0
            while True:
                done = self.client.list_workflows(
                    status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
                    name=_NAME,
                    load_input=False,
                    load_output=False,
                    limit=_PAGE,
                )
                self.client.delete_workflows([it.workflow_id for it in done])
                count += len(done)
                if len(done) < _PAGE:
                    return count

        return await asyncio.to_thread(work)

    def _enqueue(self, session: Session, messages: Sequence[Message]) -> None:
        for message in messages:
            self.client.enqueue_in_transaction(session, _options(message, _prefix(message)), *_content(message))

    def _give_back(self, message: Message) -> None:
        options = _options(message, _another_id(message))
        options["delay_seconds"] = _PAUSE
        enqueue = partial(self.client.enqueue, options, *_content(message))
        asyncio.get_running_loop().run_in_executor(None, enqueue)  # when it fails, the message is lost and sent again

    def _listen(self, life: Life, deliver: Any) -> None:
        """In a thread, as all of it waits for the database."""
        DBOS: Any = dbos.DBOS  # noqa: N806 - as it is called everywhere
        DBOS(
            config={
                "name": _NAME,
                "system_database_url": self.url,
                "dbos_system_schema": SCHEMA,
                "sys_db_pool_size": 10,
                "log_level": "WARNING",
                "run_admin_server": False,
                "run_migrations": False,
                "application_version": _VERSION,
                "executor_id": str(life.worker_id),
            }
        )
        log = logging.getLogger("dbos")
        log.handlers.clear()  # it writes in a form of its own, beside what the server logs
        log.propagate = True
        DBOS.workflow(name=_NAME)(deliver)
        DBOS.listen_queues([_queue(it) for it in life.namespaces])
        DBOS.launch()
        interval = min(max(self._poll, len(life.namespaces) * self._poll), LONGEST_POLL)
        for namespace in life.namespaces:
            DBOS.register_queue(_queue(namespace), worker_concurrency=life.slots, polling_interval_sec=interval)


def _settle(done: Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _prefix(message: Message) -> str:
    """The id of the first message of a dispatch, with which those of the others begin."""
    return f"{message.step_id}:{message.dispatch}"


def _another_id(message: Message) -> str:
    return f"{_prefix(message)}:{uuid4()}"


def _options(message: Message, name: str) -> dbos.EnqueueOptions:
    return {
        "workflow_name": _NAME,
        "queue_name": _queue(message.namespace),
        "workflow_id": name,
        "app_version": _VERSION,
        "priority": min(max(_MIDDLE - message.priority, 1), 2 * _MIDDLE - 1),
    }


def _content(message: Message) -> tuple[Any, ...]:
    return str(message.step_id), *message[1:]


def _queue(namespace: str) -> str:
    return f"workflows:{namespace}"

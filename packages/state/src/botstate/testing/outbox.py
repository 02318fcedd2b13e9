"""What the outbox does on every `Database`. Each check gets a way to open the same, empty database several times.

Every `open_another()` stands for a process of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from botlib import BotError, ConflictError, FakeRandomness, IdSource, LimitError, NotFoundError, SystemClock
from botstate.memory import MemoryChannels
from botstate.outbox.messages import Message, OutboxSettings, UndeliverableError
from botstate.outbox.outbox import Outbox, open_outbox
from botstate.tables import all_tables

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from botstate.channels import Channels
    from botstate.database import Database
    from botstate.outbox.messages import Delivery, MessageState
    from botstate.testing.database import OpenAnother

OutboxCheck = Callable[["OpenAnother"], Awaitable[None]]

#: Seconds to wait for what must come.
PATIENCE = 30.0
#: Short times, so that the checks do not take long.
QUICK = OutboxSettings(seconds=10, attempts=3, first_pause=0.02, longest_pause=0.05, poll=0.02, stop_seconds=5)


class Process(NamedTuple):
    """What one process has."""

    database: Database
    outbox: Outbox

    async def enqueue(self, *numbers: int) -> list[UUID]:
        """One unit of work that leaves these messages."""

        async def work(session: AsyncSession) -> list[UUID]:
            return [await self.outbox.enqueue(session, "count", {"number": it}, key="mine") for it in numbers]

        return await self.database.write(work)


class Recorder:
    """A handler that remembers. What it raises first is given."""

    def __init__(self, *errors: Exception, within: Callable[[], Awaitable[object]] | None = None) -> None:
        self.seen: list[Message] = []
        self.most_at_once = 0
        self._at_once: dict[UUID, int] = {}
        self._errors = list(errors)
        self._within = within

    async def __call__(self, message: Message) -> None:
        self.seen.append(message)
        self._at_once[message.id] = self._at_once.get(message.id, 0) + 1
        self.most_at_once = max(self.most_at_once, *self._at_once.values())
        try:
            if self._within is not None:
                await self._within()
            if self._errors:
                raise self._errors.pop(0)
        finally:
            self._at_once[message.id] -= 1


@asynccontextmanager
async def start(
    open_another: OpenAnother,
    settings: OutboxSettings = QUICK,
    *,
    channels: Channels | None = None,
    worker: str = "worker",
    create: bool = True,
    seed: int = 0,
) -> AsyncIterator[Process]:
    """A process with an outbox; the first one creates the tables."""
    clock, randomness = SystemClock(), FakeRandomness(seed)
    async with open_another() as database:
        if create:
            await database.write(create_tables)
        async with open_outbox(
            database,
            channels or MemoryChannels(),
            clock=clock,
            randomness=randomness,
            ids=IdSource(clock, randomness),
            settings=settings,
            worker=worker,
        ) as outbox:
            yield Process(database, outbox)


async def create_tables(session: AsyncSession) -> None:
    """A unit of work that makes the tables of botstate, for tests without migrations."""
    connection = await session.connection()
    await connection.run_sync(all_tables().create_all)


async def until_all_are(process: Process, state: MessageState, count: int) -> None:
    """Wait until that many messages of the process are in this state."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await process.outbox.messages("mine", state=state)
            if len(found) == count:
                return
            await asyncio.sleep(0.005)


async def what_is_committed_is_delivered(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        recorder = Recorder()
        async with process.outbox.handling("count", recorder):
            ids = await process.enqueue(1, 2, 3)
            await until_all_are(process, "delivered", 3)
        assert {it.id for it in recorder.seen} == set(ids)
        assert sorted(it.payload["number"] for it in recorder.seen) == [1, 2, 3]
        assert {(it.kind, it.key, it.attempt) for it in recorder.seen} == {("count", "mine", 1)}


async def what_is_undone_is_not(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        recorder = Recorder()

        async def fail(session: AsyncSession) -> None:
            await process.outbox.enqueue(session, "count", {"number": 1}, key="mine")
            raise LookupError("no such bot")

        async with process.outbox.handling("count", recorder):
            with suppress(LookupError):
                await process.database.write(fail)
            await process.enqueue(2)
            await until_all_are(process, "delivered", 1)
        assert [it.payload["number"] for it in recorder.seen] == [2]


async def a_message_waits_for_its_handler(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        await process.enqueue(1)
        async with process.outbox.handling("other", Recorder()):
            assert [it.state for it in await process.outbox.messages("mine")] == ["pending"]
        async with process.outbox.handling("count", Recorder()):
            await until_all_are(process, "delivered", 1)


async def a_failure_is_tried_again_with_the_same_id(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        recorder = Recorder(OSError("secret"), LimitError("Not now.", retry_after=0.01))
        async with process.outbox.handling("count", recorder):
            (message,) = await process.enqueue(1)
            await until_all_are(process, "delivered", 1)
        assert [(it.id, it.attempt) for it in recorder.seen] == [(message, 1), (message, 2), (message, 3)]
        log = await process.outbox.deliveries(message)
        assert [(it.attempt, it.outcome, it.detail) for it in log] == [
            (1, "failed", "OSError. The log says more."),
            (2, "failed", "Not now."),
            (3, "delivered", ""),
        ]
        assert [it.next_try is None for it in log] == [False, False, True]
        assert {it.worker for it in log} == {"worker"}
        assert all(it.started <= it.ended for it in log)


async def after_the_last_attempt_it_is_dead_until_somebody_redelivers_it(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        recorder = Recorder(*[BotError("No.")] * 3)
        async with process.outbox.handling("count", recorder):
            (message,) = await process.enqueue(1)
            await until_all_are(process, "dead", 1)
            assert (await process.outbox.message(message)).attempts == 3
            await process.outbox.redeliver(message)
            await until_all_are(process, "delivered", 1)
            assert [(it.id, it.attempt) for it in recorder.seen] == [(message, n) for n in (1, 2, 3, 1)]
            assert [it.outcome for it in await process.outbox.deliveries(message)] == [
                *("failed", "failed", "dead", "delivered")
            ]
            await process.outbox.redeliver(message)
            await until_all_are(process, "delivered", 1)


async def what_cannot_be_delivered_is_dead_at_once(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        async with process.outbox.handling("count", Recorder(UndeliverableError("It is gone."))):
            (message,) = await process.enqueue(1)
            await until_all_are(process, "dead", 1)
        assert [it.detail for it in await process.outbox.deliveries(message)] == ["It is gone."]


async def one_that_fails_stops_no_other(open_another: OpenAnother) -> None:
    async with start(open_another) as process:

        async def fail_for_one(message: Message) -> None:
            if message.payload["number"] == 1:
                raise UndeliverableError("Not this one.")

        async with process.outbox.handling("count", fail_for_one):
            await process.enqueue(*range(10))
            await until_all_are(process, "delivered", 9)
        assert [it.state for it in await process.outbox.messages("mine", state="dead")] == ["dead"]


async def several_at_once_never_deliver_the_same(open_another: OpenAnother) -> None:
    recorder = Recorder(within=lambda: asyncio.sleep(0.005))
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(start(open_another, worker=f"worker {n}", create=n == 0, seed=n))
            for n in range(4)
        ]
        for process in processes:
            await stack.enter_async_context(process.outbox.handling("count", recorder))
        for number in range(20):
            await processes[0].enqueue(*range(number * 3, number * 3 + 3))
        await until_all_are(processes[0], "delivered", 60)
        workers = {it.worker for it in await _whole_log(processes[0])}
    assert sorted(it.payload["number"] for it in recorder.seen) == list(range(60)), "delivered more than once"
    assert recorder.most_at_once == 1
    assert len(workers) > 1


async def a_lease_that_ends_is_taken_over(open_another: OpenAnother) -> None:
    """The first process hangs in the middle of a delivery, and cannot even be cancelled, as one that was cut off."""
    short = replace(QUICK, seconds=0.2, concurrency=1)  # and so a lease of 0.4, and no room to take it again
    started, released = asyncio.Event(), asyncio.Event()
    recorder = Recorder()

    async def hang(_: Message) -> None:
        started.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    async with start(open_another, short, worker="first") as first, first.outbox.handling("count", hang):
        (message,) = await first.enqueue(1)
        await _within_a_while(started.wait())
        async with (
            start(open_another, short, worker="second", create=False, seed=1) as second,
            second.outbox.handling("count", recorder),
        ):
            await until_all_are(second, "delivered", 1)
        released.set()
    assert [(it.id, it.attempt) for it in recorder.seen] == [(message, 2)]
    async with start(open_another, create=False) as later:
        log = [(it.worker, it.attempt, it.outcome) for it in await later.outbox.deliveries(message)]
        assert sorted(log[:2]) == [("first", 1, "lost"), ("second", 2, "delivered")]
        assert [it.state for it in await later.outbox.messages("mine")] == ["delivered"]


async def time_for_one_delivery_is_limited(open_another: OpenAnother) -> None:
    async with start(open_another, replace(QUICK, seconds=0.05, attempts=1)) as process:
        async with process.outbox.handling("count", Recorder(within=asyncio.Event().wait)):
            (message,) = await process.enqueue(1)
            await until_all_are(process, "dead", 1)
        assert [it.detail for it in await process.outbox.deliveries(message)] == ["It took longer than 0.05 seconds."]


async def stopping_waits_for_what_runs(open_another: OpenAnother) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def within() -> None:
        started.set()
        await go_on.wait()

    recorder = Recorder(within=within)
    async with start(open_another) as process, process.outbox.handling("count", recorder):
        (message,) = await process.enqueue(1)
        await _within_a_while(started.wait())
        asyncio.get_running_loop().call_later(0.05, go_on.set)
    async with start(open_another, create=False) as later:
        assert (await later.outbox.message(message)).state == "delivered"


async def what_is_not_done_in_time_goes_back_at_once(open_another: OpenAnother) -> None:
    started = asyncio.Event()

    async def within() -> None:
        started.set()
        await asyncio.Event().wait()

    async with (
        start(open_another, replace(QUICK, stop_seconds=0)) as process,
        process.outbox.handling("count", Recorder(within=within)),
    ):
        (message,) = await process.enqueue(1)
        await _within_a_while(started.wait())
    async with start(open_another, create=False) as later:
        assert [it.outcome for it in await later.outbox.deliveries(message)] == ["stopped"]
        async with later.outbox.handling("count", Recorder()):
            await until_all_are(later, "delivered", 1)


async def a_hint_wakes_other_processes(open_another: OpenAnother) -> None:
    """They poll once an hour, and share channels."""
    channels, rarely = MemoryChannels(), replace(QUICK, poll=3_600)
    async with (
        start(open_another, rarely, channels=channels) as first,
        start(open_another, rarely, channels=channels, create=False, seed=1) as second,
        second.outbox.handling("count", Recorder()),
    ):
        await first.enqueue(1)
        await until_all_are(first, "delivered", 1)


async def without_hints_polling_finds_it(open_another: OpenAnother) -> None:
    async with (
        start(open_another) as first,
        start(open_another, create=False, seed=1) as second,
        second.outbox.handling("count", Recorder()),
    ):
        await first.enqueue(1)
        await until_all_are(first, "delivered", 1)


async def the_log_is_read_in_pages(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        ids = await process.enqueue(1, 2, 3)
        first = await process.outbox.messages("mine", count=2)
        second = await process.outbox.messages("mine", count=2, before=first[-1].id)
        assert [it.id for it in (*first, *second)] == ids[::-1]
        assert await process.outbox.messages("another") == []
        assert await process.outbox.deliveries(ids[0]) == []


async def what_is_not_there_or_not_done_is_not_redelivered(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        (message,) = await process.enqueue(1)
        for unknown, kind in (
            (message, ConflictError),
            (IdSource(SystemClock(), FakeRandomness(9)).new_id(), NotFoundError),
        ):
            accepted = False
            with suppress(kind):
                await process.outbox.redeliver(unknown)
                accepted = True
            assert not accepted


OUTBOX_CONTRACT: tuple[OutboxCheck, ...] = (
    what_is_committed_is_delivered,
    what_is_undone_is_not,
    a_message_waits_for_its_handler,
    a_failure_is_tried_again_with_the_same_id,
    after_the_last_attempt_it_is_dead_until_somebody_redelivers_it,
    what_cannot_be_delivered_is_dead_at_once,
    one_that_fails_stops_no_other,
    several_at_once_never_deliver_the_same,
    a_lease_that_ends_is_taken_over,
    time_for_one_delivery_is_limited,
    stopping_waits_for_what_runs,
    what_is_not_done_in_time_goes_back_at_once,
    a_hint_wakes_other_processes,
    without_hints_polling_finds_it,
    the_log_is_read_in_pages,
    what_is_not_there_or_not_done_is_not_redelivered,
)


async def _whole_log(process: Process) -> list[Delivery]:
    return [
        delivery
        for message in await process.outbox.messages("mine")
        for delivery in await process.outbox.deliveries(message.id)
    ]


async def _within_a_while(step: Awaitable[object]) -> None:
    async with asyncio.timeout(PATIENCE):
        await step

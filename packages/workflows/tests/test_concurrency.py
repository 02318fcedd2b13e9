"""Several at once on one database: one task a key, one worker a step, and nobody in the way of the other for ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, text

import botserver_workflows.submitting
from botlib import FakeClock, FakeRandomness, IdSource, Secret, SystemClock
from botserver_workflows.claiming import claim_steps
from botserver_workflows.intervening import cancel_task
from botserver_workflows.leases import end_worker, register_worker
from botserver_workflows.request import TaskRequest
from botserver_workflows.submitting import Submitted, register_template, submit_once
from botserver_workflows.sweeping import bring_retries_due
from botserver_workflows.tables import tasks
from botserver_workflows.template import StepTemplate, Template
from botserver_workflows.unit import Store
from botstate import DatabaseSettings
from botstate.postgres import open_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from botserver_workflows.unit import Unit

pytestmark = pytest.mark.anyio

PAIR = Template("shop", "pair", "1.0.0", (StepTemplate("a", "a"), StepTemplate("b", "b")), checksum="1")


@pytest.fixture
async def postgres_store(postgres_url: str) -> AsyncIterator[Store]:
    """A store on PostgreSQL that takes the time from there."""
    clock = FakeClock()
    settings = DatabaseSettings(url=Secret(postgres_url))
    async with open_postgres(settings, SystemClock(), FakeRandomness()) as database:
        yield Store(database, clock, IdSource(clock, FakeRandomness()))


async def prepare(store: Store) -> UUID:
    async def work(unit: Unit) -> UUID:
        await register_template(unit, PAIR)
        return await register_worker(unit, "worker", ["shop"], ["a", "b"], "1", 30)

    return await store.write("test", work)


async def ask(store: Store, key: str | None = None) -> Submitted:
    return await submit_once(store, TaskRequest("shop", "pair", idempotency_key=key))


async def count_tasks(store: Store) -> int:
    return await store.read(lambda unit: unit.session.scalar(select(func.count()).select_from(tasks))) or 0


async def test_one_key_makes_one_task_however_many_ask_at_once(store: Store) -> None:
    await prepare(store)
    keys = [f"key {number % 10}" for number in range(60)]
    answers = await asyncio.gather(*(ask(store, key) for key in keys))

    made = {(key, answer.task_id) for key, answer in zip(keys, answers, strict=True)}
    assert (len(made), await count_tasks(store)) == (10, 10)
    assert Counter(answer.is_new for answer in answers) == {True: 10, False: 50}


@pytest.mark.parametrize("is_unique", [True, False])
async def test_two_that_found_nothing_make_one_task_and_without_the_constraint_two(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch, is_unique: bool
) -> None:
    await prepare(postgres_store)
    if not is_unique:
        drop = text("ALTER TABLE workflows_task DROP CONSTRAINT workflows_task_idempotency_key_key")
        await postgres_store.write("test", lambda unit: unit.session.execute(drop))
    find, looked = botserver_workflows.submitting._find, asyncio.Barrier(2)

    async def find_and_wait(unit: Unit, key: str) -> Any:
        found = await find(unit, key)
        if found is None:
            await looked.wait()
        return found

    monkeypatch.setattr(botserver_workflows.submitting, "_find", find_and_wait)
    answers = await asyncio.gather(ask(postgres_store, "one"), ask(postgres_store, "one"))

    assert len({answer.task_id for answer in answers}) == await count_tasks(postgres_store) == (1 if is_unique else 2)


async def test_no_step_is_given_to_two_workers(store: Store) -> None:
    worker = await prepare(store)
    for _ in range(20):
        await ask(store)
    claim = partial(claim_steps, worker_id=worker, namespaces=["shop"], handlers=["a", "b"], slots=3)
    rounds = [await asyncio.gather(*(store.write("worker", claim) for _ in range(6))) for _ in range(4)]
    claims = [it.step_id for claimed in rounds for found in claimed for it in found]

    assert (len(claims), len(set(claims))) == (40, 40)
    assert all(len(found) <= 3 for claimed in rounds for found in claimed)


async def test_workers_that_end_and_tasks_that_are_cancelled_do_not_wait_for_each_other(postgres_store: Store) -> None:
    """Both lock what belongs to a task after the task. In the other order this is a deadlock, which costs seconds."""
    store = postgres_store
    workers = [await prepare(store) for _ in range(4)]
    made = [await ask(store) for _ in range(12)]
    for worker in workers:
        await store.write(
            "worker",
            partial(claim_steps, worker_id=worker, namespaces=["shop"], handlers=["a", "b"], slots=6),
        )
    await asyncio.gather(
        *(store.write("client", partial(cancel_task, task_id=it.task_id)) for it in made),
        *(store.write("worker", partial(end_worker, worker_id=it)) for it in workers),
        *(store.write("orchestrator", bring_retries_due) for _ in range(4)),
    )
    states = await store.read(lambda unit: unit.session.execute(select(tasks.c.state).distinct()))
    deadlocks = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert states.scalars().all() == ["cancelled"]
    assert await store.read(lambda unit: unit.session.scalar(deadlocks)) == 0


async def test_the_clock_of_the_database_counts(postgres_store: Store) -> None:
    """The clock of this process stands in the year 2030."""
    await prepare(postgres_store)
    made = await ask(postgres_store)
    assert abs(made.created_at - datetime.now(UTC)) < timedelta(hours=1)

"""One contract for every engine: `local` on both databases, `dbos` on PostgreSQL, and one that loses messages."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import select, update

from botlib import FakeRandomness, IdSource, Secret, SystemClock
from botserver_workflows import resending
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.engine import Life, Message
from botserver_workflows.engines import opening
from botserver_workflows.engines.dbos import DbosEngine, open_dbos
from botserver_workflows.engines.local import LocalEngine
from botserver_workflows.errors import EngineError
from botserver_workflows.intervening import cancel_task
from botserver_workflows.limiting import set_limits
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.proofs import chaos
from botserver_workflows.proofs.chaos import ChaosEngine
from botserver_workflows.proofs.checking import find_violations
from botserver_workflows.proofs.field import SHAPES, until
from botserver_workflows.request import TaskRequest
from botserver_workflows.settings import WorkflowsSettings
from botserver_workflows.states import TASK_ENDS
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import metadata, steps, tasks, workers
from botserver_workflows.template import StepTemplate, Template
from botserver_workflows.unit import Store
from botserver_workflows.worker import Worker, WorkerOptions
from botstate import Database, DatabaseSettings, Settings
from botstate.postgres import open_postgres
from botstate.sqlite import open_sqlite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from uuid import UUID

    from botserver_workflows.engine import Engine
    from botserver_workflows.handlers import Step
    from botserver_workflows.unit import Unit

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ONE = Template("shop", "one", "1.0.0", (StepTemplate("a", "a"),), checksum="1")
OTHER = Template("shop", "other", "1.0.0", (StepTemplate("b", "b"),), checksum="1")
OPTIONS = WorkerOptions("worker", ("shop",), slots=4, lease_seconds=30, drain_seconds=0)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are looked for after half a second, not after a minute."""
    monkeypatch.setattr(resending, "OVERDUE", 0.5)


class World(NamedTuple):
    """A store with its engine, and what an operator has besides it."""

    store: Store
    orchestrator: Orchestrator
    lose: Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture(params=["local-sqlite", "local-postgres", "dbos", "chaos"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str) -> str:
    """Of the database, when it is PostgreSQL."""
    return str(request.getfixturevalue("postgres_url")) if kind in {"local-postgres", "dbos"} else ""


@pytest.fixture
async def world(kind: str, url: str, tmp_path: Path) -> AsyncIterator[World]:
    clock, randomness = SystemClock(), FakeRandomness()
    settings = DatabaseSettings(tmp_path / "workflows.sqlite3", url=Secret(url))
    async with open_database(settings) as database, opened(kind, url) as engine:
        store = Store(database, clock, IdSource(clock, randomness), engine)
        if not url:
            await store.write("test", create_tables)
        await store.write("test", prepare)
        orchestrator = Orchestrator(store, clock, Doorbell())
        yield World(store, orchestrator, partial(losing, kind, engine))


def open_database(settings: DatabaseSettings) -> AbstractAsyncContextManager[Database]:
    return (open_postgres if settings.url else open_sqlite)(settings, SystemClock(), FakeRandomness())


@asynccontextmanager
async def opened(kind: str, url: str) -> AsyncIterator[Engine]:
    if kind == "chaos":
        yield ChaosEngine(Random(1), lambda _fault: None)
        return
    if kind != "dbos":
        yield LocalEngine()
        return
    async with open_dbos(url) as engine:
        yield engine


@asynccontextmanager
async def losing(kind: str, engine: Engine) -> AsyncIterator[None]:
    """Every message that is sent within is lost, where there are any."""
    if kind == "chaos":
        kept, chaos.LOST = chaos.LOST, 1.0
        yield
        chaos.LOST = kept
        return
    yield
    if isinstance(engine, DbosEngine):
        found = await asyncio.to_thread(engine.client.list_workflows, status="ENQUEUED")
        await asyncio.to_thread(engine.client.cancel_workflows, [it.workflow_id for it in found])


async def create_tables(unit: Unit) -> None:
    await (await unit.session.connection()).run_sync(metadata.create_all)


async def prepare(unit: Unit) -> None:
    for template in (ONE, OTHER, *SHAPES):
        await register_template(unit, template)


async def ask(world: World, template: Template = ONE) -> UUID:
    request = TaskRequest(template.namespace, template.name)
    return (await world.store.write("client", lambda unit: submit(unit, request))).task_id


@asynccontextmanager
async def working(
    store: Store, handlers: dict[str, Any], options: WorkerOptions = OPTIONS, *, dies: bool = False
) -> AsyncIterator[Worker]:
    """A worker, until the block ends. One that `dies` gives nothing back."""
    stop = asyncio.Event()
    worker = Worker(store, handlers, options, SystemClock(), FakeRandomness(), Doorbell())
    if dies:
        worker._leave = AsyncMock()  # type: ignore[method-assign]
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


async def is_over(store: Store, *task_ids: UUID) -> bool:
    query = select(tasks.c.id).where(tasks.c.id.in_(task_ids), tasks.c.state.not_in([it.value for it in TASK_ENDS]))
    return await store.read(lambda unit: unit.session.scalar(query.limit(1))) is None


async def states(store: Store, task_id: UUID) -> list[tuple[str, int]]:
    query = select(steps.c.state, steps.c.attempts).where(steps.c.task_id == task_id).order_by(steps.c.name)
    return [tuple(row) for row in await store.read(lambda unit: unit.session.execute(query))]


async def bury_everybody(world: World) -> None:
    """As if all leases were over."""
    past = update(workers).values(lease_until=workers.c.started_at)
    await world.store.write("test", lambda unit: unit.session.execute(past))
    await world.orchestrator.sweep()
    await world.orchestrator.reclaim()


async def give_name(step: Step) -> str:
    return step.name


async def test_all_shapes_run_to_their_end(world: World) -> None:
    asked = [await ask(world, template) for template in SHAPES]
    options = replace(OPTIONS, namespaces=("proof",))

    async with working(world.store, {"proof.work": give_name}, options):
        await resend_until_over(world, *asked)
    assert await world.store.read(lambda unit: find_violations(unit, in_order=False)) == []


async def test_a_message_that_comes_again_starts_nothing(world: World) -> None:
    started: list[str] = []

    async def note(step: Step) -> None:
        started.append(step.name)

    task_id = await ask(world)
    step_id = await world.store.read(lambda unit: unit.session.scalar(select(steps.c.id)))
    assert step_id is not None
    again = [Message(step_id, 1, "shop")] * 3
    await world.store.engine.resend(again)
    async with working(world.store, {"a": note}):
        await until(lambda: is_over(world.store, task_id), "the end of the task")
        await world.store.engine.resend(again)
        other = await ask(world)
        await resend_until_over(world, other)
    assert started == ["a", "a"]
    assert await states(world.store, task_id) == [("complete", 1)]


async def resend_until_over(world: World, *task_ids: UUID) -> None:
    async def is_done() -> bool:
        await world.orchestrator.resend()
        return await is_over(world.store, *task_ids)

    await until(is_done, "the end of the tasks")


async def test_a_unit_that_comes_to_nothing_starts_nothing(world: World) -> None:
    async def submit_and_fail(unit: Unit) -> None:
        await submit(unit, TaskRequest("shop", "one", context={"is": "nothing"}))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await world.store.write("client", submit_and_fail)
    started: list[Any] = []

    async def note(step: Step) -> None:
        started.append(dict(step.context))

    async with working(world.store, {"a": note}):
        await resend_until_over(world, await ask(world))
    assert started == [{}]


async def test_what_the_dead_had_goes_to_another_life(world: World) -> None:
    """One step had begun; the message of the other waited for a place in its namespace."""
    await world.store.write("test", lambda unit: set_limits(unit, {"shop": 1}))
    asked = [await ask(world), await ask(world)]
    begun = asyncio.Event()

    async def hang(_step: Step) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with working(world.store, {"a": hang}, dies=True):
        async with asyncio.timeout(30):
            while not begun.is_set():
                await world.orchestrator.resend()
                await asyncio.sleep(0.02)
    await bury_everybody(world)
    async with working(world.store, {"a": give_name}):
        await resend_until_over(world, *asked)
    assert sorted([*await states(world.store, asked[0]), *await states(world.store, asked[1])]) == [
        ("complete", 1),
        ("complete", 2),
    ]


async def test_a_message_that_was_lost_is_sent_again(world: World) -> None:
    async with world.lose():
        task_id = await ask(world)
    async with working(world.store, {"a": give_name}):
        await resend_until_over(world, task_id)
    assert await states(world.store, task_id) == [("complete", 1)]


async def test_what_was_cancelled_does_not_start(world: World) -> None:
    started: list[Any] = []

    async def note(step: Step) -> None:
        started.append(step.task_id)

    cancelled = await ask(world)
    await world.store.write("anna", lambda unit: cancel_task(unit, cancelled))
    other = await ask(world)
    async with working(world.store, {"a": note}):
        await resend_until_over(world, other)
    assert started == [other]


async def test_what_a_worker_cannot_run_is_left_to_another(world: World) -> None:
    task_id = await ask(world)
    async with working(world.store, {"b": give_name}):
        await resend_until_over(world, await ask(world, OTHER))
    assert await states(world.store, task_id) == [("enqueued", 0)]
    async with working(world.store, {"a": give_name}):
        await resend_until_over(world, task_id)
    assert await states(world.store, task_id) == [("complete", 1)]


@pytest.mark.parametrize("kind", ["local-sqlite", "local-postgres", "dbos"])  # the other one reorders what it carries
async def test_the_most_urgent_step_goes_first(world: World) -> None:
    asked = []
    for priority in (0, 5, -5, 9):
        request = TaskRequest("shop", "one", context={"priority": priority}, priority=priority)
        asked.append((await world.store.write("client", partial(submit, request=request))).task_id)
    started: list[int] = []

    async def note(step: Step) -> None:
        started.append(step.context["priority"])

    async with working(world.store, {"a": note}, replace(OPTIONS, slots=1)):
        await resend_until_over(world, *asked)
    assert started == [9, 5, 0, -5]


async def test_limits_of_namespaces_hold(world: World) -> None:
    await world.store.write("test", lambda unit: set_limits(unit, {"shop": 1}))
    asked = [await ask(world) for _ in range(4)]
    running: list[int] = []
    now = 0

    async def count(_step: Step) -> None:
        nonlocal now
        now += 1
        running.append(now)
        await asyncio.sleep(0.02)
        now -= 1

    async with working(world.store, {"a": count}):
        await resend_until_over(world, *asked)
    assert running == [1, 1, 1, 1]


async def test_another_engine_takes_over(world: World) -> None:
    """From whichever engine to `local`, and back: what has no message gets one."""
    here = world.store
    local = Store(here._database, here._clock, here._ids)
    task_id = await ask(world)
    async with working(local, {"a": give_name}):
        await until(lambda: is_over(local, task_id), "the end of the task")
    other = (await local.write("client", lambda unit: submit(unit, TaskRequest("shop", "one")))).task_id
    async with working(here, {"a": give_name}):
        await resend_until_over(world, other)
    assert await states(here, other) == [("complete", 1)]


async def test_dbos_supplies_one_life_a_process(postgres_url: str) -> None:
    life = Life(IdSource(SystemClock(), FakeRandomness()).new_id(), ("shop",), ("a",), 1, Doorbell())
    async with opened("dbos", postgres_url) as engine, engine.supply(life):
        with pytest.raises(EngineError, match="supplies one worker a process"):
            async with engine.supply(life):
                pass


@pytest.mark.parametrize(
    ("url", "is_installed", "told"),
    [
        ("", True, "The engine dbos needs PostgreSQL. Set database.url, or workflows.engine to local."),
        (
            "postgresql://there",
            False,
            "The engine dbos needs the library dbos, which is not installed. Install botserver-workflows[dbos].",
        ),
    ],
)
def test_what_dbos_needs_is_said(url: str, is_installed: bool, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_installed:
        monkeypatch.setattr(opening, "find_spec", lambda _name: None)
    parts = {"database": DatabaseSettings(url=Secret(url)), "workflows": WorkflowsSettings(engine="dbos")}
    with pytest.raises(EngineError) as caught:
        opening.check_engine(Settings(parts))
    assert str(caught.value) == told


async def test_dbos_forgets_messages_that_are_settled(postgres_url: str) -> None:
    clock, randomness = SystemClock(), FakeRandomness()
    settings = DatabaseSettings(url=Secret(postgres_url))
    async with open_database(settings) as database, opened("dbos", postgres_url) as engine:
        store = Store(database, clock, IdSource(clock, randomness), engine)
        await store.write("test", prepare)
        task_id = (await store.write("client", lambda unit: submit(unit, TaskRequest("shop", "one")))).task_id
        async with working(store, {"a": give_name}):
            await until(lambda: is_over(store, task_id), "the end of the task")
            await until(engine.prune, "a message that is settled")
        assert await engine.prune() == 0

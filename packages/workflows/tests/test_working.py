"""A process that runs steps: what it tells of itself, and how it goes on when something goes wrong."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from sqlalchemy import select, update

import botserver_workflows.lives
from botlib import FakeRandomness, InvalidError, UnavailableError
from botserver_core import create_app
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.lives import Lives
from botserver_workflows.proofs.field import until
from botserver_workflows.request import TaskRequest
from botserver_workflows.settings import WorkerSettings, WorkflowsSettings
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import fenced, steps, tasks, transitions, workers
from botserver_workflows.template import StepTemplate, Template
from botserver_workflows.worker import WorkerOptions
from botserver_workflows.worker_service import check_settings, tables_service, worker_service
from botstate import DatabaseSettings, DataSettings, Settings, compose, database_service, foundation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from botlib import FakeClock
    from botserver_workflows.handlers import Step
    from botserver_workflows.unit import Store, Unit

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CHAIN = Template("shop", "chain", "1.0.0", (StepTemplate("a", "a"), StepTemplate("b", "b", ("a",))), checksum="1")
OPTIONS = WorkerOptions("worker", ("shop",), slots=4, lease_seconds=30, drain_seconds=5)


def settings(folder: Path, *namespaces: str) -> Settings:
    return Settings(
        {
            "data": DataSettings(folder),
            "database": DatabaseSettings(),
            "workflows": WorkflowsSettings(),
            "worker": WorkerSettings(namespaces),
        }
    )


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    services = (foundation(settings(tmp_path, "linear_workflow")), database_service, tables_service, worker_service)
    async with compose(services) as state:
        transport = httpx2.ASGITransport(create_app(state, services))
        async with httpx2.AsyncClient(transport=transport, base_url="http://worker") as client:
            yield client


async def answer(client: httpx2.AsyncClient, path: str) -> Any:
    found = await client.get(path)
    assert found.status_code == 200, found.text
    return found.json()


async def test_a_worker_tells_of_itself(client: httpx2.AsyncClient) -> None:
    async def is_active() -> bool:
        return bool((await answer(client, "/status"))["status"] == "active")

    await until(is_active, "a life of the worker")
    status = await answer(client, "/status")
    (worker,) = await answer(client, "/v1/workers?namespace=linear_workflow")
    templates = await answer(client, "/templates")
    path = "/templates/linear_workflow/mathematical_sequence/1.0.0"

    assert worker["worker_id"] == status["worker_id"]
    assert status["capabilities"] == ["linear_workflow"]
    assert (await answer(client, "/status/detailed"))["namespaces"] == await answer(client, "/status/namespaces")
    assert await answer(client, "/status/namespaces") == [
        {"namespace": "linear_workflow", "queue_depth": 0, "status": "healthy"}
    ]
    assert [it["name"] for it in templates] == ["mathematical_sequence"]
    assert await answer(client, path) == templates[0]
    assert await answer(client, f"{path}/validate") == {"valid": True, "errors": []}
    assert "arithmetic.square_product" in (await answer(client, "/handlers"))["handlers"]
    assert (await client.get("/templates/order_fulfillment/business_workflow/1.0.0")).status_code == 404


def test_a_worker_without_handlers_for_its_namespaces_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_without_handlers").mkdir()
    (tmp_path / "shop_without_handlers" / "__init__.py").touch()
    (tmp_path / "shop_without_handlers" / "order.yaml").write_text(
        "name: order\nnamespace_name: shop\nsteps:\n  - {name: pay, handler: {callable: shop.pay}}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    parts = {"workflows": WorkflowsSettings(("shop_without_handlers",)), "worker": WorkerSettings(("shop", "sohp"))}
    with pytest.raises(InvalidError) as caught:
        check_settings(Settings(parts))
    assert str(caught.value) == (
        "There is no template in the namespace sohp. Installed are shop.\n"
        "shop/order: no function is the handler shop.pay of pay. Write or install one."
    )


async def echo(step: Step) -> str:
    return step.name


def lives_of(store: Store, clock: FakeClock) -> Lives:
    return Lives(store, {"a": echo, "b": echo}, OPTIONS, clock, FakeRandomness(), Doorbell())


@asynccontextmanager
async def working(lives: Lives) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(lives.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def make_task(store: Store) -> UUID:
    async def work(unit: Unit) -> UUID:
        await register_template(unit, CHAIN)
        return (await submit(unit, TaskRequest("shop", "chain"))).task_id

    return await store.write("client", work)


async def is_complete(store: Store, task_id: UUID) -> bool:
    query = select(tasks.c.state).where(tasks.c.id == task_id)
    return await store.read(lambda unit: unit.session.scalar(query)) == "complete"


async def test_a_worker_that_was_given_up_comes_back_under_a_new_id(store: Store, clock: FakeClock) -> None:
    task_id = await make_task(store)
    lives = lives_of(store, clock)
    async with working(lives):
        await until(lambda: is_complete(store, task_id), "the end of the task")
        first = lives.current.id
        await store.write("test", lambda unit: unit.session.execute(update(workers).values(state="dead")))
        await clock.advance(11)

        async def is_new() -> bool:
            return lives.current.id not in {None, first}

        await until(is_new, "a new life")
        second = await make_task(store)
        await until(lambda: is_complete(store, second), "the end of the second task")


async def test_what_was_claimed_while_the_connection_was_lost_is_run(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is committed, and the worker does not hear of it."""
    task_id = await make_task(store)
    write = store.write
    lost: list[object] = []

    async def lose(actor: str, work: Any) -> Any:
        result = await write(actor, work)
        if isinstance(result, list) and result and not lost:
            lost.append(result)
            raise UnavailableError("The connection was lost.")
        return result

    monkeypatch.setattr(store, "write", lose)
    async with working(lives_of(store, clock)):
        await until(lambda: is_complete(store, task_id), "the end of the task")

    starts = select(transitions.c.dispatch).where(transitions.c.to_state == "in_progress")
    assert len(lost) == 1
    assert (await store.read(lambda unit: unit.session.execute(starts))).scalars().all() == [1, 1]


async def test_a_step_that_cannot_begin_while_the_worker_looks_for_more_is_taken_up_again(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed 9209 of the simulation: the look that was under way forgot that there is something to look for."""
    task_id = await make_task(store)
    write, template = store.write, store.template
    lives, is_looking = lives_of(store, clock), asyncio.Event()
    failed: list[UUID] = []

    async def fail_once(template_id: UUID) -> Any:
        if not failed:
            failed.append(template_id)
            await is_looking.wait()
            raise UnavailableError("The database cannot be reached.")
        return await template(template_id)

    async def is_idle() -> bool:
        return lives.current.running == 0

    async def look(actor: str, work: Any) -> Any:
        if failed and not is_looking.is_set():
            is_looking.set()
            await until(is_idle, "the failure")
        return await write(actor, work)

    monkeypatch.setattr(store, "template", fail_once)
    monkeypatch.setattr(store, "write", look)
    async with working(lives):
        await until(lambda: is_complete(store, task_id), "the end of the task")


async def test_a_worker_whose_result_came_after_its_lease_does_not_go_on(store: Store, clock: FakeClock) -> None:
    """Seed 1013 of the simulation: the clock was set back, and the lease went on with a step that nobody ended."""
    await make_task(store)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(step: Step) -> str:
        begun.set()
        await go_on.wait()
        return step.name

    lives = Lives(store, {"a": wait, "b": echo}, OPTIONS, clock, FakeRandomness(), Doorbell())
    async with working(lives):
        await begun.wait()
        first = lives.current.id
        over = update(workers).values(lease_until=clock.now() - timedelta(seconds=1))
        await store.write("test", lambda unit: unit.session.execute(over))
        go_on.set()

        async def is_new() -> bool:
            return lives.current.id not in {None, first}

        await until(is_new, "a new life")
    rows = await store.read(lambda unit: unit.session.execute(select(fenced.c.worker_id)))
    assert rows.scalars().all() == [first]


async def test_a_worker_that_cannot_begin_begins_later(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await make_task(store)
    monkeypatch.setattr(botserver_workflows.lives, "PAUSE", 0.0)
    write = store.write
    refused: list[str] = []

    async def refuse(actor: str, work: Any) -> Any:
        if len(refused) < 3:
            refused.append(actor)
            raise UnavailableError("The database cannot be reached.")
        return await write(actor, work)

    monkeypatch.setattr(store, "write", refuse)
    async with working(lives_of(store, clock)):
        await until(lambda: is_complete(store, task_id), "the end of the task")
    assert refused == ["worker"] * 3


async def test_a_worker_that_is_told_to_stop_lets_steps_end_and_gives_back_the_rest(
    store: Store, clock: FakeClock
) -> None:
    """Neither costs an attempt (W14)."""
    task_ids = [await make_task(store) for _ in range(2)]
    may_end, waiting = asyncio.Event(), []

    async def wait(step: Step) -> str:
        waiting.append(step.task_id)
        await (may_end if step.task_id == task_ids[0] else asyncio.Event()).wait()
        return "done"

    options = WorkerOptions("worker", ("shop",), slots=4, lease_seconds=30, drain_seconds=0.2)
    lives = Lives(store, {"a": wait, "b": echo}, options, clock, FakeRandomness(), Doorbell())
    async with working(lives):

        async def is_running() -> bool:
            return len(waiting) == 2

        await until(is_running, "both steps")
        may_end.set()

    async with working(lives_of(store, clock)):
        for task_id in task_ids:
            await until(lambda task_id=task_id: is_complete(store, task_id), "the end of the task")  # type: ignore[misc]
    spent = await store.read(
        lambda unit: unit.session.execute(
            select(steps.c.name, steps.c.attempts - steps.c.released).order_by(steps.c.id)
        )
    )
    assert {tuple(row) for row in spent} == {("a", 1), ("b", 1)}

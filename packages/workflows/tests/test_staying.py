"""Tasks that stay too long, wait for a place, or are forgotten; and what figures say of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from botlib import FakeRandomness
from botserver_workflows.analytics import find_bottlenecks, measure_performance
from botserver_workflows.attempt import Failure, Success
from botserver_workflows.claiming import claim_steps
from botserver_workflows.completing import complete_attempt, fail_attempt
from botserver_workflows.deadletters import Resolution, list_entries, resolve_entry
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.forgetting import forget_tasks, forget_workers
from botserver_workflows.intervening import cancel_task
from botserver_workflows.leases import end_worker, register_worker
from botserver_workflows.limiting import set_limits
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.request import TaskRequest
from botserver_workflows.staleness import Age, list_ages, measure_age
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import edges, steps, tasks, transitions, workers
from botserver_workflows.template import Backoff, Lifecycle, RetryPolicy, StalenessAction, StepTemplate, Template

if TYPE_CHECKING:
    from uuid import UUID

    from botlib import FakeClock
    from botserver_workflows.attempt import Claim
    from botserver_workflows.unit import Store, Unit

ONCE = RetryPolicy(max_attempts=1, backoff=Backoff.NONE)
PAIR = (StepTemplate("a", "h", retry=ONCE), StepTemplate("b", "h", ("a",), retry=ONCE))
NOW = datetime(2030, 1, 1, tzinfo=UTC)


async def make(store: Store, count: int = 1, namespace: str = "shop", **lifecycle: Any) -> list[UUID]:
    template = Template(namespace, "pair", "1.0.0", PAIR, lifecycle=Lifecycle(**lifecycle), checksum="1")

    async def work(unit: Unit) -> list[UUID]:
        await register_template(unit, template)
        return [(await submit(unit, TaskRequest(namespace, "pair"))).task_id for _ in range(count)]

    return await store.write("client", work)


async def begin(store: Store, slots: int, *, limited: tuple[str, ...] = ()) -> tuple[UUID, list[Claim]]:
    """A new worker, and what it claims."""
    names = ["shop", "inn"]
    worker = await store.write("w", lambda unit: register_worker(unit, "w", names, ["h"], "1", 30))
    claims = await store.write("w", lambda unit: claim_steps(unit, worker, names, ["h"], slots, limited))
    return worker, claims


async def end(store: Store, worker: UUID, claim: Claim, outcome: Success | Failure) -> None:
    ending: Any = complete_attempt if isinstance(outcome, Success) else fail_attempt
    assert await store.write("w", lambda unit: ending(unit, worker, claim, outcome, FakeRandomness()))


async def state_of(store: Store, task_id: UUID) -> str | None:
    return await store.read(lambda unit: unit.session.scalar(select(tasks.c.state).where(tasks.c.id == task_id)))


async def letters(store: Store) -> list[tuple[str, str]]:
    rows = await store.read(partial(list_entries, resolution=None, limit=10, offset=0))
    return [(row.reason, row.original_state) for row in rows]


@pytest.mark.parametrize(
    ("state", "minutes_in_state", "expected"),
    [
        ("waiting_for_retry", 10, Age(10, 60, 30, 1 / 3)),
        ("waiting_for_retry", 24, Age(24, 60, 30, 0.8)),
        ("waiting_for_dependencies", 60, Age(60, 60, 60, 1)),
        ("blocked_by_failures", 60, Age(60, 60, 24 * 60, 1 / 24)),
    ],
)
def test_a_task_comes_nearest_to_one_of_its_limits(state: str, minutes_in_state: int, expected: Age) -> None:
    since, created = NOW - timedelta(minutes=minutes_in_state), NOW - timedelta(hours=1)
    assert measure_age(Lifecycle(), state, since, created, NOW) == expected


def test_without_limits_nothing_is_stale() -> None:
    age = measure_age(Lifecycle(max_duration_minutes=None), "pending", NOW - timedelta(days=99), NOW, NOW)
    assert (age.limit, age.health) == (None, "healthy")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("lifecycle", "reasons", "state"),
    [
        ({}, [("staleness_timeout", "steps_in_process")], "steps_in_process"),
        ({"auto_dlq_on_timeout": False}, [], "steps_in_process"),
        ({"auto_fail_on_timeout": True}, [("staleness_timeout", "steps_in_process")], "error"),
        ({"staleness_action": StalenessAction.ERROR}, [], "error"),
        ({"staleness_action": StalenessAction.NONE, "auto_fail_on_timeout": True}, [], "steps_in_process"),
        ({"max_steps_in_process_minutes": None}, [], "steps_in_process"),
    ],
)
async def test_what_stays_too_long_is_treated_as_its_template_says(
    store: Store, clock: FakeClock, lifecycle: dict[str, Any], reasons: list[tuple[str, str]], state: str
) -> None:
    (task_id,) = await make(store, **lifecycle)
    worker, (running,) = await begin(store, 1)
    orchestrator = Orchestrator(store, clock, Doorbell())
    await clock.advance(29 * 60)
    assert await orchestrator.end_stays() == 0
    await clock.advance(2 * 60)
    for _ in range(2):  # a second look finds nothing new
        await orchestrator.end_stays()

    assert (await letters(store), await state_of(store, task_id)) == (reasons, state)
    assert not await store.write("w", lambda u: complete_attempt(u, worker, running, Success(1), FakeRandomness()))


@pytest.mark.anyio
async def test_how_long_tasks_stay_can_be_asked_page_by_page(store: Store, clock: FakeClock) -> None:
    made = await make(store, 3)
    await clock.advance(25 * 60)
    first = await store.read(partial(list_ages, after=None, limit=2))
    rest = await store.read(partial(list_ages, after=first[-1][0].id, limit=2))
    assert [stay.id for stay, _ in (*first, *rest)] == made
    assert {age.health for _, age in first} == {"warning"}


@pytest.mark.anyio
async def test_a_task_whose_step_has_used_up_its_attempts_is_put_aside_and_one_that_failed_for_good_is_not(
    store: Store,
) -> None:
    await make(store, 2)
    worker, claims = await begin(store, 2)
    await end(store, worker, claims[0], Failure("no", retryable=False))
    assert await letters(store) == []
    await end(store, worker, claims[1], Failure("busy"))
    assert await letters(store) == [("max_retries_exceeded", "steps_in_process")]


@pytest.mark.anyio
async def test_no_more_steps_of_a_namespace_run_than_its_limit(store: Store) -> None:
    await make(store, 5)
    await make(store, 5, "inn")
    await store.write("start", lambda unit: set_limits(unit, {"shop": 2}))
    _, first = await begin(store, 4, limited=("shop",))
    worker, second = await begin(store, 9, limited=("shop",))
    assert [sum(it.namespace == "shop" for it in claims) for claims in (first, second)] == [2, 0]
    assert [len(first), len(second)] == [4, 3]

    await store.write("w", lambda unit: end_worker(unit, worker))
    _, unlimited = await begin(store, 20)  # the twin: who does not ask for the limit does not keep to it
    assert sum(it.namespace == "shop" for it in unlimited) == 3


@pytest.mark.anyio
async def test_what_ended_long_ago_is_forgotten_with_all_that_belongs_to_it(store: Store, clock: FakeClock) -> None:
    open_letter, ended, running = await make(store, 3)
    worker, claims = await begin(store, 3)
    for claim in claims:
        if claim.task_id == open_letter:
            await end(store, worker, claim, Failure("busy"))
    for task_id in (open_letter, ended):
        await store.write("anna", partial(cancel_task, task_id=task_id))
    await store.write("w", lambda unit: end_worker(unit, worker))
    await clock.advance(29 * 86_400)
    assert await store.write("orchestrator", partial(forget_tasks, keep_days=30)) == 0
    await clock.advance(2 * 86_400)
    assert await store.write("orchestrator", partial(forget_tasks, keep_days=30)) == 1
    assert await store.write("orchestrator", forget_workers) == 1

    left = (await store.read(lambda unit: unit.session.execute(select(tasks.c.id).order_by(tasks.c.id)))).scalars()
    assert list(left) == [open_letter, running]
    (letter,) = await store.read(partial(list_entries, resolution=None, limit=10, offset=0))
    await store.write(
        "anna",
        lambda unit: resolve_entry(unit, letter.id, Resolution.CANCELLED, notes=None, by=None, metadata=None),
    )
    await store.write("anna", partial(cancel_task, task_id=running))
    await clock.advance(31 * 86_400)
    assert await Orchestrator(store, clock, Doorbell()).forget() == 2
    for table in (tasks, steps, edges, transitions, workers):
        assert await store.read(lambda unit, it=table: unit.session.scalar(select(func.count()).select_from(it))) == 0  # type: ignore[misc]


@pytest.mark.anyio
async def test_figures_tell_how_fast_and_how_slow_it_was(store: Store, clock: FakeClock) -> None:
    await make(store, 2)
    worker, claims = await begin(store, 2)
    await clock.advance(4)
    await end(store, worker, claims[0], Success(1))
    await end(store, worker, claims[1], Failure("no", retryable=False))
    (second,) = await store.write("w", lambda unit: claim_steps(unit, worker, ["shop"], ["h"], 9))
    await clock.advance(2)
    await end(store, worker, second, Success(2))
    figures = await store.read(partial(measure_performance, hours=24))
    slow = await store.read(partial(find_bottlenecks, limit=10, min_executions=1))

    expected = {
        "total_tasks": 2,
        "active_tasks": 0,
        "completed_tasks": 1,
        "failed_tasks": 1,
        "completion_rate": 0.5,
        "error_rate": 0.5,
        "average_task_duration_seconds": 6.0,
        "average_step_duration_seconds": round(10 / 3, 3),
        "tasks_per_hour": 0.08,
        "steps_per_hour": 0.12,
        "system_health_score": 0.5,
    }
    assert {name: figures[name] for name in expected} == expected
    assert [(it["step_name"], it["average_duration_seconds"], it["error_count"]) for it in slow["slow_steps"]] == [
        ("a", 4.0, 1),
        ("b", 2.0, 0),
    ]
    assert slow["recommendations"] == ["shop/pair/1.0.0/a fails in 50% of its runs. Look at its errors first."]

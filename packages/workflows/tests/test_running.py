"""Tasks from their request to their end, on real tables, with a worker that is a loop in the test."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import select, update

from botlib import FakeClock, FakeRandomness
from botserver_workflows.attempt import Claim, Failure, Success
from botserver_workflows.claiming import claim_steps
from botserver_workflows.completing import complete_attempt, fail_attempt
from botserver_workflows.errors import ForbiddenTransitionError, InvalidInputError, UnknownTemplateError
from botserver_workflows.intervening import cancel_task, complete_step, reset_step, resolve_step
from botserver_workflows.leases import end_worker, register_worker, renew_lease
from botserver_workflows.request import TaskRequest
from botserver_workflows.states import STEP_TRANSITIONS, TASK_TRANSITIONS, StepState, TaskState
from botserver_workflows.submitting import Submitted, register_template, submit
from botserver_workflows.sweeping import bring_retries_due, bury_workers, find_stranded, rescue_steps
from botserver_workflows.tables import dead_letters, fenced, steps, tasks, transitions
from botserver_workflows.template import Backoff, RetryPolicy, StepTemplate, StepType, Template
from botserver_workflows.unit import Store

pytestmark = pytest.mark.anyio

Handler = Callable[[Claim], Success | Failure]


class Row(NamedTuple):
    """What counts of a step."""

    state: str
    attempts: int
    value: Any


def step(name: str, *parents: str, kind: StepType = StepType.STANDARD, **retry: Any) -> StepTemplate:
    policy = RetryPolicy(**{"backoff": Backoff.LINEAR, **retry})
    return StepTemplate(name, name, parents, kind, retry=policy, timeout_seconds=10)


def return_name(claim: Claim) -> Success:
    return Success(claim.name)


class System:
    """A store with one template, and a worker that runs handlers in the test."""

    def __init__(self, store: Store, clock: FakeClock, *template: StepTemplate, **more: Any) -> None:
        self.store = store
        self.clock = clock
        self.template = Template("shop", "order", "1.0.0", template, checksum="1", **more)
        self.worker_id = UUID(int=0)

    async def start(self) -> None:
        async def prepare(unit: Any) -> UUID:
            await register_template(unit, self.template)
            handlers = [it.handler for it in self.template.steps]
            return await register_worker(unit, "worker", ["shop"], handlers, "1", 30)

        self.worker_id = await self.store.write("test", prepare)

    async def submit(self, **request: Any) -> Submitted:
        return await self.store.write("client", lambda unit: submit(unit, TaskRequest("shop", "order", **request)))

    async def claim(self, slots: int = 100) -> list[Claim]:
        handlers = [it.handler for it in self.template.steps]
        return await self.store.write(
            "worker", lambda unit: claim_steps(unit, self.worker_id, ["shop"], handlers, slots)
        )

    async def end(self, claim: Claim, outcome: Success | Failure) -> bool:
        ending: Any = complete_attempt if isinstance(outcome, Success) else fail_attempt
        return await self.store.write(
            "worker", lambda unit: ending(unit, self.worker_id, claim, outcome, FakeRandomness())
        )

    async def run(self, handlers: Mapping[str, Handler] | None = None) -> list[list[str]]:
        """Run what there is, until nothing is enqueued any more; returns the names of the steps of each round."""
        rounds = []
        while claims := await self.claim():
            rounds.append(sorted(claim.name for claim in claims))
            for claim in claims:
                handler = (handlers or {}).get(claim.name, return_name)
                assert await self.end(claim, handler(claim))
        return rounds

    async def sweep(self) -> tuple[int, int, int]:
        buried = await self.store.write("orchestrator", bury_workers)
        rescued = 0
        for task_id in await self.store.read(find_stranded):
            rescued += await self.store.write("orchestrator", partial(rescue_steps, task_id=task_id))
        return buried, rescued, await self.store.write("orchestrator", bring_retries_due)

    async def rows(self, task_id: UUID) -> dict[str, Row]:
        async def read(unit: Any) -> dict[str, Row]:
            found = await unit.session.execute(
                select(steps.c.name, steps.c.state, steps.c.attempts, steps.c.result).where(steps.c.task_id == task_id)
            )
            return {it.name: Row(it.state, it.attempts, it.result and it.result["result"]) for it in found}

        return await self.store.read(read)

    async def state(self, task_id: UUID) -> str:
        return str(
            await self.store.read(lambda unit: unit.session.scalar(select(tasks.c.state).where(tasks.c.id == task_id)))
        )

    async def history(self, subject_id: UUID) -> list[str]:
        async def read(unit: Any) -> list[str]:
            found = await unit.session.execute(
                select(transitions).where(transitions.c.subject_id == subject_id).order_by(transitions.c.id)
            )
            rows = found.all()
            assert [row.to_state for row in rows[:-1]] == [row.from_state for row in rows[1:]]
            return [row.to_state for row in rows]

        return await self.store.read(read)


async def system(store: Store, clock: FakeClock, *template: StepTemplate, **more: Any) -> System:
    found = System(store, clock, *template, **more)
    await found.start()
    return found


DIAMOND = (step("start"), step("left", "start"), step("right", "start"), step("end", "left", "right"))


async def test_a_diamond_runs_to_its_end(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, *DIAMOND)
    submitted = await shop.submit(context={"number": 3})

    def square(claim: Claim) -> Success:
        product = claim.context["number"]
        for value in claim.results.values():
            product *= value
        return Success(product**2)

    assert await shop.run(dict.fromkeys(["start", "left", "right", "end"], square)) == [
        ["start"],
        ["left", "right"],
        ["end"],
    ]
    assert await shop.rows(submitted.task_id) == {
        "start": Row("complete", 1, 9),
        "left": Row("complete", 1, 729),
        "right": Row("complete", 1, 729),
        "end": Row("complete", 1, (3 * 729 * 729) ** 2),
    }
    assert await shop.history(submitted.task_id) == [
        "pending",
        "initializing",
        "enqueuing_steps",
        "steps_in_process",
        "evaluating_results",
        "enqueuing_steps",
        "steps_in_process",
        "evaluating_results",
        "waiting_for_dependencies",
        "evaluating_results",
        "enqueuing_steps",
        "steps_in_process",
        "evaluating_results",
        "complete",
    ]
    assert await shop.history(submitted.steps["end"]) == [
        "pending",
        "enqueued",
        "in_progress",
        "enqueued_for_orchestration",
        "complete",
    ]


async def test_a_step_that_fails_is_tried_again_after_its_pause(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("only"))
    submitted = await shop.submit()
    results: list[Success | Failure] = [Failure("busy", retry_after=7), Failure("busy"), Success("done")]
    outcomes = iter(results)
    handlers: dict[str, Handler] = {"only": lambda _claim: next(outcomes)}

    assert await shop.run(handlers) == [["only"]]
    assert await shop.state(submitted.task_id) == TaskState.WAITING_FOR_RETRY
    await clock.advance(6.9)
    assert await shop.sweep() == (0, 0, 0)
    await clock.advance(0.1)
    assert await shop.sweep() == (0, 0, 1)
    assert await shop.run(handlers) == [["only"]]
    await clock.advance(2.2)
    assert await shop.sweep() == (0, 0, 1)
    assert await shop.run(handlers) == [["only"]]

    assert await shop.rows(submitted.task_id) == {"only": Row("complete", 3, "done")}
    assert await shop.state(submitted.task_id) == TaskState.COMPLETE


@pytest.mark.parametrize(
    ("retry", "attempts"), [({"max_attempts": 2}, 2), ({"retryable": False}, 1), ({"max_attempts": 0}, 1)]
)
async def test_without_attempts_left_the_task_is_blocked(
    store: Store, clock: FakeClock, retry: dict[str, Any], attempts: int
) -> None:
    shop = await system(store, clock, step("bad", **retry), step("after", "bad"), step("beside"))
    submitted = await shop.submit()
    for _ in range(5):
        await shop.run({"bad": lambda _claim: Failure("no")})
        await clock.advance(5)
        await shop.sweep()

    assert await shop.rows(submitted.task_id) == {
        "bad": Row("error", attempts, None),
        "after": Row("pending", 0, None),
        "beside": Row("complete", 1, "beside"),
    }
    assert await shop.state(submitted.task_id) == TaskState.BLOCKED_BY_FAILURES


async def test_a_failure_that_is_not_retryable_is_not_tried_again(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("bad"))
    submitted = await shop.submit()
    await shop.run({"bad": lambda _claim: Failure("never", retryable=False)})
    assert await shop.rows(submitted.task_id) == {"bad": Row("error", 1, None)}


APPROVAL = (
    step("route", kind=StepType.DECISION),
    step("auto", "route"),
    step("manager", "route"),
    step("finish", "auto", "manager", kind=StepType.DEFERRED),
)


@pytest.mark.parametrize(
    ("decision", "names"),
    [
        ({"type": "create_steps", "step_names": ["auto"]}, ["auto", "finish", "route"]),
        ({"type": "create_steps", "step_names": ["manager", "auto"]}, ["auto", "finish", "manager", "route"]),
        ({"type": "no_branches"}, ["finish", "route"]),
    ],
)
async def test_a_decision_makes_the_steps_that_it_names(
    store: Store, clock: FakeClock, decision: dict[str, Any], names: list[str]
) -> None:
    shop = await system(store, clock, *APPROVAL)
    submitted = await shop.submit()
    assert sorted(submitted.steps) == ["route"]
    await shop.run({"route": lambda _claim: Success(decision)})
    assert sorted(await shop.rows(submitted.task_id)) == names
    assert await shop.state(submitted.task_id) == TaskState.COMPLETE


@pytest.mark.parametrize(
    "decision", [None, {"type": "create_steps"}, {"type": "create_steps", "step_names": ["finish", "route"]}]
)
async def test_a_decision_that_says_nothing_useful_is_an_error(store: Store, clock: FakeClock, decision: Any) -> None:
    shop = await system(store, clock, *APPROVAL)
    submitted = await shop.submit()
    await shop.run({"route": lambda _claim: Success(decision)})
    assert await shop.rows(submitted.task_id) == {"route": Row("error", 1, None)}
    assert await shop.state(submitted.task_id) == TaskState.BLOCKED_BY_FAILURES


async def test_a_decision_whose_steps_wait_for_what_has_failed_leaves_the_task_blocked(
    store: Store, clock: FakeClock
) -> None:
    shop = await system(
        store,
        clock,
        step("bad", retryable=False),
        step("route", kind=StepType.DECISION),
        step("after", "route", "bad"),
    )
    submitted = await shop.submit()
    claims = {claim.name: claim for claim in await shop.claim()}
    assert await shop.end(claims["bad"], Failure("no"))
    assert await shop.end(claims["route"], Success({"type": "create_steps", "step_names": ["after"]}))
    assert (await shop.rows(submitted.task_id))["after"] == Row("pending", 0, None)
    assert await shop.state(submitted.task_id) == TaskState.BLOCKED_BY_FAILURES


async def test_the_same_key_gives_the_same_task(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, *DIAMOND)
    first = await shop.submit(idempotency_key="one")
    assert await shop.submit(idempotency_key="one") == first._replace(is_new=False)
    assert (await shop.submit(idempotency_key="two")).is_new


async def test_a_request_that_breaks_the_schema_makes_nothing(store: Store, clock: FakeClock) -> None:
    schema = {"type": "object", "required": ["number"], "properties": {"text": {"type": "string"}}}
    shop = await system(store, clock, *DIAMOND, input_schema=schema)
    with pytest.raises(InvalidInputError) as caught:
        await shop.submit(context={"text": 1})
    assert caught.value.problems == (
        "context: 'number' is a required property.",
        "context.text: 1 is not of type 'string'.",
    )
    with pytest.raises(UnknownTemplateError, match="Task template not found: shop/order/2"):
        await shop.submit(version="2")
    assert await store.read(lambda unit: unit.session.scalar(select(tasks.c.id))) is None


async def test_what_a_dead_worker_held_goes_to_another_and_its_late_result_is_refused(
    store: Store, clock: FakeClock
) -> None:
    shop = await system(store, clock, step("only"))
    submitted = await shop.submit()
    (lost,) = await shop.claim()
    dead = shop.worker_id
    await clock.advance(31)
    assert not await store.write("worker", lambda unit: renew_lease(unit, dead, 30))
    assert not await shop.end(lost, Success("zombie"))  # its lease is over, and nobody has swept yet
    await shop.start()
    assert await shop.sweep() == (1, 1, 0)
    assert await shop.run() == [["only"]]
    assert not await shop.end(lost, Success("zombie"))

    assert await shop.rows(submitted.task_id) == {"only": Row("complete", 2, "only")}
    refused = await store.read(lambda unit: unit.session.execute(select(fenced.c.step_id, fenced.c.dispatch)))
    assert refused.all() == [(lost.step_id, 1), (lost.step_id, 1)]


async def test_a_step_that_kills_its_workers_is_put_aside_after_its_attempts(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("deadly", max_attempts=2))
    submitted = await shop.submit()
    for _ in range(4):
        await shop.claim()
        await clock.advance(31)
        await shop.start()
        await shop.sweep()

    assert await shop.rows(submitted.task_id) == {"deadly": Row("error", 2, None)}
    assert await shop.state(submitted.task_id) == TaskState.BLOCKED_BY_FAILURES
    letters = await store.read(lambda unit: unit.session.execute(select(dead_letters.c.reason, dead_letters.c.task_id)))
    assert letters.all() == [("worker_unavailable", submitted.task_id)]


async def test_a_step_that_takes_too_long_is_taken_away(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("slow"))
    await shop.submit()
    (slow,) = await shop.claim()
    await clock.advance(16)
    await store.write("worker", lambda unit: renew_lease(unit, shop.worker_id, 30))
    assert await shop.sweep() == (0, 1, 0)
    assert not await shop.end(slow, Success("late"))
    assert await shop.run() == [["slow"]]


async def test_a_worker_that_stops_gives_back_what_it_holds_and_it_costs_nothing(
    store: Store, clock: FakeClock
) -> None:
    shop = await system(store, clock, step("only", max_attempts=1))
    submitted = await shop.submit()
    await shop.claim()
    assert await store.write("worker", lambda unit: end_worker(unit, shop.worker_id)) == 1
    assert await shop.claim() == []
    await shop.start()
    await shop.run({"only": lambda _claim: Failure("no")})
    assert await shop.rows(submitted.task_id) == {"only": Row("error", 2, None)}


async def test_a_worker_takes_nothing_that_it_cannot_run(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, *DIAMOND)
    await shop.submit()
    none = await store.write("worker", lambda unit: claim_steps(unit, shop.worker_id, ["shop"], ["other"], 10))
    other = await store.write("worker", lambda unit: claim_steps(unit, shop.worker_id, ["other"], ["start"], 10))
    assert (none, other) == ([], [])


async def test_the_most_urgent_task_goes_first_then_the_oldest(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("only"))
    order = []
    for name, priority in (("old", 0), ("urgent", 5), ("young", 0)):
        await clock.advance(1)
        await shop.submit(priority=priority, context={"name": name})
    while claims := await shop.claim(1):
        order.append(claims[0].context["name"])
    assert order == ["urgent", "old", "young"]


async def test_a_task_that_is_cancelled_fences_its_steps(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, *DIAMOND)
    submitted = await shop.submit()
    (running,) = await shop.claim()
    await store.write("client", lambda unit: cancel_task(unit, submitted.task_id))

    assert not await shop.end(running, Success("late"))
    assert {row.state for row in (await shop.rows(submitted.task_id)).values()} == {"cancelled"}
    with pytest.raises(ForbiddenTransitionError, match="Cannot cancel a cancelled task"):
        await store.write("client", lambda unit: cancel_task(unit, submitted.task_id))


async def test_a_person_can_reset_resolve_and_complete_a_step(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("bad", retryable=False), step("after", "bad"), step("last", "after"))
    submitted = await shop.submit()
    task_id, ids = submitted.task_id, submitted.steps
    bad: dict[str, Handler] = {"bad": lambda _claim: Failure("no")}
    await shop.run(bad)
    await store.write("anna", lambda unit: reset_step(unit, task_id, ids["bad"], reason="mended"))
    await shop.run(bad)
    await store.write("anna", lambda unit: resolve_step(unit, task_id, ids["bad"], reason="done by hand"))
    (running,) = await shop.claim()
    await store.write(
        "anna", lambda unit: complete_step(unit, task_id, ids["after"], value=42, metadata=None, reason="known")
    )
    assert not await shop.end(running, Success("late"))
    await shop.run({"last": lambda claim: Success(claim.results)})

    assert await shop.rows(task_id) == {
        "bad": Row("resolved_manually", 1, None),
        "after": Row("complete", 1, 42),
        "last": Row("complete", 1, {"after": 42}),
    }
    assert await shop.state(task_id) == TaskState.COMPLETE
    with pytest.raises(ForbiddenTransitionError, match="A step that is complete cannot become pending"):
        await store.write("anna", lambda unit: reset_step(unit, task_id, ids["last"], reason="again"))


async def test_every_transition_that_was_stored_is_allowed(store: Store, clock: FakeClock) -> None:
    shop = await system(store, clock, step("bad", max_attempts=2), *(step(f"s{number}", "bad") for number in range(3)))
    submitted = await shop.submit()
    for _ in range(3):
        await shop.run({"bad": lambda _claim: Failure("no")})
        await clock.advance(5)
        await shop.sweep()
    await store.write("anna", lambda unit: reset_step(unit, submitted.task_id, submitted.steps["bad"], reason="x"))
    await shop.claim()
    await clock.advance(31)
    await shop.start()
    await shop.sweep()
    await shop.run()

    rows = (await store.read(lambda unit: unit.session.execute(select(transitions)))).all()
    assert len(rows) > 30
    for row in rows:
        if row.from_state and row.subject == "task":
            assert TaskState(row.to_state) in TASK_TRANSITIONS[TaskState(row.from_state)]
        elif row.from_state:
            assert StepState(row.to_state) in STEP_TRANSITIONS[StepState(row.from_state)]


async def test_without_the_fence_a_late_result_counts(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the tests of late results: an attempt that ends without being asked whether it is the valid one."""

    async def end(unit: Any, _worker_id: UUID, claim: Claim, **changes: Any) -> bool:
        await unit.session.execute(update(steps).where(steps.c.id == claim.step_id).values(**changes))
        return True

    monkeypatch.setattr("botserver_workflows.completing._end", end)
    shop = await system(store, clock, step("first"), step("second", "first"), step("third", "second"))
    submitted = await shop.submit()
    (lost,) = await shop.claim()
    await clock.advance(31)
    await shop.start()
    await shop.sweep()
    (again,) = await shop.claim()
    await shop.end(again, Success("valid"))

    assert await shop.end(lost, Success("zombie"))
    assert (await shop.rows(submitted.task_id))["first"].value == "zombie"

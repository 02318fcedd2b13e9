"""A worker takes steps: of all that are enqueued, which is the queue of the engine `local`, or of some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, Uuid, bindparam, exists, literal, select, update

from botserver_workflows.attempt import Claim
from botserver_workflows.limiting import free_places
from botserver_workflows.states import StepState
from botserver_workflows.tables import edges, steps, tasks, workers
from botstate.columns import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.dml import ReturningUpdate

    from botserver_workflows.unit import Unit


def is_live(worker_id: Any, now: Any) -> ColumnElement[bool]:
    """Whether this worker may still act: it is not dead, and its lease goes on."""
    return exists().where(workers.c.id == worker_id, workers.c.state != "dead", workers.c.lease_until > now)


_CLAIMED = (
    steps.c.id,
    steps.c.task_id,
    steps.c.namespace,
    steps.c.name,
    steps.c.handler,
    steps.c.dispatch,
    steps.c.claim_token,
    steps.c.attempts,
    steps.c.released,
    steps.c.timeout_seconds,
    steps.c.started_at,
)


# So that the index of what is enqueued is used.
_IS_ENQUEUED = steps.c.state == literal(StepState.ENQUEUED.value, literal_execute=True)


def _build_claim(*conditions: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """Built once: to build it takes longer than to run it."""
    chosen = (
        select(steps.c.id)
        .where(
            _IS_ENQUEUED,
            steps.c.namespace.in_(bindparam("namespaces_", expanding=True)),
            steps.c.handler.in_(bindparam("handlers_", expanding=True)),
            *conditions,
        )
        .order_by(steps.c.priority.desc(), steps.c.enqueued_at)
        .limit(bindparam("slots_", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("chosen")  # run once: within the condition of an update it may be run again, and lock more than its limit
    )
    now = bindparam("now_", type_=UtcDateTime)
    worker = bindparam("worker_", type_=Uuid)
    return (
        update(steps)
        .where(
            steps.c.id.in_(select(chosen.c.id)),
            steps.c.state == StepState.ENQUEUED.value,
            is_live(worker, now),
        )
        .values(
            state=StepState.IN_PROGRESS.value,
            attempts=steps.c.attempts + 1,
            worker_id=worker,
            claim_token=bindparam("token_", type_=Uuid),
            started_at=now,
            last_attempted_at=now,
            next_retry_at=None,
            backoff_request_seconds=None,
            updated_at=now,
        )
        .returning(*_CLAIMED)
    )


_TASKS_OF_CLAIMS = select(tasks.c.id, tasks.c.template_id, tasks.c.context).where(
    tasks.c.id.in_(bindparam("tasks_", expanding=True))
)
_RESULTS_FOR_CLAIMS = (
    select(edges.c.child_id, steps.c.name, steps.c.result)
    .join(steps, steps.c.id == edges.c.parent_id)
    .where(edges.c.child_id.in_(bindparam("steps_", expanding=True)))
)
_ENQUEUED_HANDLERS = select(steps.c.id, steps.c.handler).where(
    steps.c.id.in_(bindparam("steps_", expanding=True)), _IS_ENQUEUED
)
_CLAIM = _build_claim()
_CLAIM_AMONG = _build_claim(steps.c.id.in_(bindparam("among_", expanding=True)))


async def claim_steps(
    unit: Unit,
    worker_id: UUID,
    namespaces: Collection[str],
    handlers: Collection[str],
    slots: int,
    limited: Collection[str] = (),
    *,
    among: Collection[UUID] | None = None,
) -> list[Claim]:
    """Start up to that many enqueued steps, the most urgent and then the oldest first; `among` these, when it is given.

    Only steps whose handler the worker has: it never takes what it cannot run. A worker whose lease is over gets
    nothing. Namespaces that are `limited` come first, so that those without a limit do not take all room from them.
    """
    rows: list[Any] = []
    if limited:
        places = await free_places(unit, [it for it in namespaces if it in limited])
        for name, free in places.items():
            rows += await _start(unit, worker_id, [name], handlers, min(free, slots - len(rows)), among)
    others = [it for it in namespaces if it not in limited]
    rows += await _start(unit, worker_id, others, handlers, slots - len(rows), among)
    for row in rows:
        unit.note("step", row.id, (StepState.ENQUEUED, StepState.IN_PROGRESS), dispatch=row.dispatch)
    return await _read_claims(unit, rows)


async def _start(
    unit: Unit,
    worker_id: UUID,
    namespaces: Collection[str],
    handlers: Collection[str],
    slots: int,
    among: Collection[UUID] | None,
) -> list[Any]:
    if slots <= 0 or not namespaces:
        return []
    values = {
        "namespaces_": list(namespaces),
        "handlers_": list(handlers),
        "slots_": slots,
        "worker_": worker_id,
        "token_": unit.ids.new_id(),
        "now_": unit.now,
    }
    if among is None:
        return list(await unit.session.execute(_CLAIM, values))
    return list(await unit.session.execute(_CLAIM_AMONG, {**values, "among_": list(among)}))


async def enqueued_handlers(unit: Unit, step_ids: Collection[UUID]) -> dict[UUID, str]:
    """The handlers of those of these steps that are enqueued."""
    if not step_ids:
        return {}
    rows = await unit.session.execute(_ENQUEUED_HANDLERS, {"steps_": list(step_ids)})
    return {row.id: row.handler for row in rows}


async def find_claims(unit: Unit, worker_id: UUID, known: Collection[UUID]) -> list[Claim]:
    """The attempts that this worker has begun, without those at the steps that it knows.

    Whoever lost the connection while a claim was committed asks, for nobody else would ever run these.
    """
    rows = await unit.session.execute(
        select(*_CLAIMED).where(
            steps.c.worker_id == worker_id, steps.c.state == StepState.IN_PROGRESS.value, steps.c.id.not_in(known)
        )
    )
    return await _read_claims(unit, list(rows))


async def _read_claims(unit: Unit, rows: Sequence[Any]) -> list[Claim]:
    if not rows:
        return []
    contexts = await _contexts(unit, [row.task_id for row in rows])
    results = await _results(unit, [row.id for row in rows])
    return [
        Claim(
            step_id=row.id,
            task_id=row.task_id,
            template_id=contexts[row.task_id][0],
            namespace=row.namespace,
            name=row.name,
            handler=row.handler,
            dispatch=row.dispatch,
            token=row.claim_token,
            attempt=row.attempts,
            released=row.released,
            timeout_seconds=row.timeout_seconds,
            started_at=row.started_at,
            context=contexts[row.task_id][1],
            results=results.get(row.id, {}),
        )
        for row in rows
    ]


async def _contexts(unit: Unit, task_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, dict[str, Any]]]:
    rows = await unit.session.execute(_TASKS_OF_CLAIMS, {"tasks_": list(task_ids)})
    return {row.id: (row.template_id, row.context) for row in rows}


async def _results(unit: Unit, step_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    rows = await unit.session.execute(_RESULTS_FOR_CLAIMS, {"steps_": list(step_ids)})
    found: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row.child_id, {})[row.name] = row.result["result"] if row.result else None
    return found

"""An attempt ends. Its outcome is stored only when nothing has happened to the step since it began."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Uuid, bindparam, insert, update

from botserver_workflows.advancing import CHANGE_TASK, follow_decision, let_children_move_up, lock_task, settle_task
from botserver_workflows.attempt import Failure, describe_failure, describe_success
from botserver_workflows.backoff import pause_before_retry
from botserver_workflows.claiming import is_live
from botserver_workflows.deadletters import DeadLetterReason, put_aside
from botserver_workflows.decision import DecisionError, read_decision
from botserver_workflows.readiness import StepFacts, may_try_again
from botserver_workflows.states import StepState, TaskState, task_path
from botserver_workflows.tables import fenced, steps
from botserver_workflows.template import StalenessAction, StepType
from botstate.columns import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from botlib import Randomness
    from botserver_workflows.advancing import LockedTask
    from botserver_workflows.attempt import Claim, Success
    from botserver_workflows.unit import Unit

# Built once: to build it takes longer than to run it. It sets what it is given beside these.
_END = (
    update(steps)
    .where(
        steps.c.id == bindparam("step_", type_=Uuid),
        steps.c.dispatch == bindparam("dispatch_"),
        steps.c.claim_token == bindparam("token_", type_=Uuid),
        steps.c.state == StepState.IN_PROGRESS.value,
        is_live(bindparam("worker_", type_=Uuid), bindparam("now_", type_=UtcDateTime)),
    )
    .returning(steps.c.id)
)


async def complete_attempt(
    unit: Unit,
    worker_id: UUID,
    claim: Claim,
    success: Success,
    randomness: Randomness,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Store the result of a step and let its task go on. False when the attempt was no longer the valid one.

    The result of a decision that names what it may not name is a failure that is not tried again.
    """
    task = await lock_task(unit, claim.task_id)
    if task is None:
        return False
    step = (await unit.template(task.template_id)).by_name[claim.name]
    named: tuple[str, ...] = ()
    if step.type is StepType.DECISION:
        try:
            named = read_decision(await unit.template(task.template_id), claim.name, success.value)
        except DecisionError as error:
            failure = Failure(str(error), "INVALID_DECISION", type(error).__name__, retryable=False)
            return await fail_attempt(unit, worker_id, claim, failure, randomness, facts)
    result = describe_success(claim.step_id, success, **facts)
    accepted = await _end(unit, worker_id, claim, state=StepState.COMPLETE.value, result=result, completed_at=unit.now)
    if not accepted:
        return False
    path = (StepState.IN_PROGRESS, StepState.ENQUEUED_FOR_ORCHESTRATION, StepState.COMPLETE)
    unit.note("step", claim.step_id, path, dispatch=claim.dispatch)
    task = task._replace(open_steps=task.open_steps - 1)
    enqueued = await let_children_move_up(unit, claim.step_id)
    if step.type is StepType.DECISION:
        task, has_new = await follow_decision(unit, task, claim.name, named)
        enqueued = enqueued or has_new
    await settle_task(unit, task, enqueued=enqueued)
    return True


async def fail_attempt(
    unit: Unit,
    worker_id: UUID,
    claim: Claim,
    failure: Failure,
    randomness: Randomness,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> bool:
    """Store why an attempt failed; the step waits for its next one, or is in error. False when it was not valid.

    A task whose step has used up all of its attempts is put aside, when its template wants that of what gets stuck.
    """
    task = await lock_task(unit, claim.task_id)
    if task is None:
        return False
    template = await unit.template(task.template_id)
    policy, lifecycle = template.by_name[claim.name].retry, template.lifecycle
    facts_after = StepFacts(
        StepState.ERROR, claim.attempt, claim.released, policy.max_attempts, policy.retryable, 0, None
    )
    again = failure.retryable and may_try_again(facts_after)
    result = describe_failure(claim.step_id, failure, **facts)
    changes: dict[str, Any] = {"result": result, "last_failure_at": unit.now}
    if again:
        pause = pause_before_retry(
            policy, claim.attempt - claim.released, randomness, requested_seconds=failure.retry_after
        )
        changes |= {
            "state": StepState.WAITING_FOR_RETRY.value,
            "next_retry_at": unit.now + timedelta(seconds=pause),
            "backoff_request_seconds": failure.retry_after,
        }
    else:
        changes |= {"state": StepState.ERROR.value, "retryable": policy.retryable and failure.retryable}
    if not await _end(unit, worker_id, claim, **changes):
        return False
    path = (StepState.IN_PROGRESS, StepState.ENQUEUED_AS_ERROR_FOR_ORCHESTRATION, StepState(changes["state"]))
    unit.note("step", claim.step_id, path, dispatch=claim.dispatch, details={"error": failure.message})
    if again:
        await _wait_for_retry(unit, task)
    else:
        task = task._replace(open_steps=task.open_steps - 1, failed_steps=task.failed_steps + 1)
        await settle_task(unit, task, enqueued=False)
        if failure.retryable and lifecycle.staleness_action is StalenessAction.DEAD_LETTER:
            await put_aside(unit, task.id, DeadLetterReason.MAX_RETRIES_EXCEEDED, task.state)
    return True


async def _end(unit: Unit, worker_id: UUID, claim: Claim, **changes: Any) -> bool:
    """The one place where an attempt ends: its step is still in its hands, and its worker has not been given up."""
    attempt = {"step_": claim.step_id, "dispatch_": claim.dispatch, "token_": claim.token, "worker_": worker_id}
    ended = await unit.session.execute(
        _END, {**attempt, "now_": unit.now, "claim_token": None, "updated_at": unit.now, **changes}
    )
    if ended.one_or_none() is not None:
        return True
    await unit.session.execute(
        insert(fenced).values(
            id=unit.ids.new_id(),
            step_id=claim.step_id,
            dispatch=claim.dispatch,
            worker_id=worker_id,
            at=unit.now,
            reason="the step is no longer in the hands of this attempt, or the lease of its worker is over",
        )
    )
    return False


async def _wait_for_retry(unit: Unit, task: LockedTask) -> None:
    path = task_path(task.state, TaskState.WAITING_FOR_RETRY)
    if not path:
        return
    unit.note("task", task.id, (task.state, *path))
    changes = {"state": TaskState.WAITING_FOR_RETRY.value, "state_since": unit.now, "updated_at": unit.now}
    await unit.session.execute(CHANGE_TASK, {"task_": task.id, **changes})

"""The sample workflows as a user sees them: through HTTP, on PostgreSQL, with workers in other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from botserver_client import SyncWorkerClient, TaskRequest
from botserver_workflows.testing import APPROVALS, APPROVED_ALWAYS, ARITHMETIC, BROKEN_ORDERS, ORDER, powers_of

if TYPE_CHECKING:
    from botserver_client import Step, SyncOrchestrationClient, Task

DIAMOND = next(powers for namespace, _name, powers in ARITHMETIC if namespace == "diamond_workflow")
#: Seconds that a task may take.
DEADLINE = 30.0


def run(client: SyncOrchestrationClient, namespace: str, name: str, context: dict[str, Any]) -> tuple[Task, list[Step]]:
    """The task when it has ended or is blocked, and its steps."""
    created = client.create_task(TaskRequest(namespace, name, context))
    client.wait_for_completion(created.task_uuid, DEADLINE)
    return client.get_task(created.task_uuid), list(client.list_steps(created.task_uuid))


def values(steps: list[Step]) -> dict[str, Any]:
    return {step.name: step.results.result if step.results else None for step in steps}


@pytest.mark.parametrize("number", [2, 4, 6, 8, 10, 100])
@pytest.mark.parametrize(("namespace", "name", "powers"), ARITHMETIC)
def test_arithmetic_is_exact(
    client: SyncOrchestrationClient, namespace: str, name: str, powers: dict[str, int], number: int
) -> None:
    task, steps = run(client, namespace, name, {"even_number": number})
    assert task.status == "all_complete"
    assert values(steps) == powers_of(number, powers)


def test_a_worker_that_computes_wrongly_is_found_out(wrong_client: SyncOrchestrationClient) -> None:
    task, steps = run(wrong_client, "diamond_workflow", "diamond_pattern", {"even_number": 6})
    assert task.status == "all_complete"
    assert values(steps) != powers_of(6, DIAMOND)


def test_an_order_is_fulfilled(client: SyncOrchestrationClient) -> None:
    task, steps = run(client, "order_fulfillment", "business_workflow", ORDER)
    found = values(steps)
    assert task.status == "all_complete"
    assert list(found) == ["validate_order", "reserve_inventory", "process_payment", "ship_order"]
    assert (found["validate_order"]["order_total"], found["ship_order"]["carrier"]) == (209.97, "UPS")


@pytest.mark.parametrize(("change", "failing", "code"), BROKEN_ORDERS)
def test_an_order_that_breaks_a_rule_is_blocked_with_its_code(
    client: SyncOrchestrationClient, change: dict[str, Any], failing: str, code: str
) -> None:
    task, steps = run(client, "order_fulfillment", "business_workflow", {**ORDER, **change})
    failed = {
        step.name: (step.current_state, step.attempts, error_code(step)) for step in steps if step.last_failure_at
    }
    assert task.status == "blocked_by_failures"
    assert failed == {failing: ("error", 1, code)}


def error_code(step: Step) -> str | None:
    return step.results.metadata["error_code"] if step.results and step.results.metadata else None


@pytest.mark.parametrize(("amount", "made"), APPROVALS)
def test_an_approval_goes_the_way_of_its_amount(
    client: SyncOrchestrationClient, amount: int, made: frozenset[str]
) -> None:
    task, steps = run(client, "conditional_approval", "approval_routing", {"amount": amount})
    assert task.status == "all_complete"
    assert {step.name for step in steps} == made | APPROVED_ALWAYS


def test_steps_are_tried_as_often_as_they_may_be(client: SyncOrchestrationClient) -> None:
    task, steps = run(client, "test_errors", "retry_boundaries", {})
    assert task.status == "blocked_by_failures"
    assert {step.name: step.attempts for step in steps} == {
        "none_allowed": 1,  # the first attempt is always made
        "one_allowed": 1,
        "three_allowed": 3,
        "not_retryable": 1,
    }
    assert {step.current_state for step in steps} == {"error"}


def test_every_worker_tells_of_all_of_them(worker_urls: tuple[str, ...]) -> None:
    for url in worker_urls:
        with SyncWorkerClient(url) as worker:
            assert worker.health().is_ready
            assert [it.status for it in worker.list_workers()] == ["active"] * len(worker_urls)


def test_the_command_asks_for_a_task_and_waits(orchestration_url: str) -> None:
    words = ["task", "create", "--namespace", "linear_workflow", "--name", "mathematical_sequence"]
    words += ["--input", '{"even_number": 6}', "--wait", "--deadline", "30", "--format", "json"]
    command = [sys.executable, "-m", "botserver_client", "--orchestration-url", orchestration_url, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "all_complete"

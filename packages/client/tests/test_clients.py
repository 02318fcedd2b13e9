"""Both clients against the real service."""

import itertools
from uuid import UUID, uuid4

import pytest

from botserver_client import (
    ClientError,
    OrchestrationClient,
    Outcome,
    RefusedError,
    Resolution,
    SyncOrchestrationClient,
    SyncWorkerClient,
    TaskRequest,
    WorkerClient,
)

pytestmark = pytest.mark.anyio

DIAMOND = TaskRequest("diamond_workflow", "diamond_pattern", {"even_number": 6})
FAILING = TaskRequest("test_errors", "error_testing", {"fail": "permanent"})
NOBODY = UUID("00000000-0000-7000-8000-000000000000")


async def test_a_task_is_made_followed_and_read(client: OrchestrationClient) -> None:
    created = await client.create_task(DIAMOND)
    task = await client.wait_for_completion(created.task_uuid, 30)
    steps = await client.list_steps(created.task_uuid)

    assert (created.status, created.step_count, created.handler_config_name) == ("created", 4, "diamond_pattern")
    assert (task.outcome, task.completion_percentage, task.total_steps) == (Outcome.COMPLETED, 100.0, 4)
    assert {step.name: step.results.result for step in steps if step.results} == {
        "diamond_start": 36,
        "diamond_branch_b": 1296,
        "diamond_branch_c": 1296,
        "diamond_end": 2821109907456,
    }
    assert await client.get_step(task.task_uuid, steps[0].step_uuid) == steps[0]


async def test_waiting_ends_early_when_failures_block_the_task_and_a_person_can_step_in(
    client: OrchestrationClient,
) -> None:
    created = await client.create_task(FAILING)
    task = await client.wait_for_completion(created.task_uuid, 30)
    failed = created.step_mapping["permanent_error_step"]
    assert task.outcome is Outcome.BLOCKED

    reset = await client.reset_step(task.task_uuid, failed, reason="again", by="anna")
    assert (reset.name, reset.attempts) == ("permanent_error_step", 0)
    assert (await client.wait_for_completion(task.task_uuid, 30)).outcome is Outcome.BLOCKED
    done = await client.complete_step(task.task_uuid, failed, {"by": "hand"}, reason="known", by="anna")
    assert done.results is not None
    assert (done.current_state, done.results.result) == ("complete", {"by": "hand"})
    assert (await client.wait_for_completion(task.task_uuid, 30)).outcome is Outcome.COMPLETED


async def test_a_step_is_resolved_without_a_result(client: OrchestrationClient) -> None:
    created = await client.create_task(FAILING)
    task = await client.wait_for_completion(created.task_uuid, 30)
    failed = created.step_mapping["permanent_error_step"]
    assert (await client.resolve_step(task.task_uuid, failed, reason="known", by="anna")).current_state == (
        "resolved_manually"
    )


async def test_watching_shows_each_change_once_and_ends_with_the_task(client: OrchestrationClient) -> None:
    created = await client.create_task(DIAMOND)
    seen = [task async for task in client.watch_task(created.task_uuid, 30)]
    assert [task.outcome for task in seen] == [None] * (len(seen) - 1) + [Outcome.COMPLETED]
    assert all(one != other for one, other in itertools.pairwise(seen))


async def test_a_cancelled_task_has_ended(idle_server: str) -> None:
    async with OrchestrationClient(idle_server) as client:
        created = await client.create_task(DIAMOND)
        cancelled = await client.cancel_task(created.task_uuid)
        assert cancelled.outcome is Outcome.CANCELLED
        assert await client.wait_for_completion(created.task_uuid, 30) == cancelled
        with pytest.raises(RefusedError, match="Cannot cancel a cancelled task") as caught:
            await client.cancel_task(created.task_uuid)
    assert (caught.value.status, caught.value.code) == (400, "BAD_REQUEST")


async def test_tasks_are_listed(client: OrchestrationClient) -> None:
    initiator = str(uuid4())
    made = [
        (await client.create_task(TaskRequest("linear_workflow", "mathematical_sequence", {"even_number": 2},
                                              initiator=initiator, tags=(str(number),)))).task_uuid
        for number in range(3)
    ]  # fmt: skip
    page = await client.list_tasks(initiator=initiator, per_page=2)
    assert [task.task_uuid for task in page.tasks] == made[:0:-1]
    assert (page.pagination.total_count, page.pagination.has_next) == (3, True)
    assert page.tasks[0].tags == ("2",)


async def test_one_key_makes_one_task_and_no_key_makes_another_one(client: OrchestrationClient) -> None:
    key = str(uuid4())
    made = {(await client.create_task(DIAMOND, idempotency_key=key)).task_uuid for _ in range(3)}
    assert len(made) == 1
    assert len({(await client.create_task(DIAMOND)).task_uuid for _ in range(2)}) == 2


async def test_what_is_installed_and_who_runs_it(client: OrchestrationClient, workers: WorkerClient) -> None:
    assert "diamond_workflow" in {it.name for it in await client.list_namespaces()}
    (template,) = await client.list_templates("diamond_workflow")
    assert template == await client.get_template("diamond_workflow", "diamond_pattern")
    await client.wait_for_completion((await client.create_task(DIAMOND)).task_uuid, 30)
    (worker,) = await workers.list_workers(namespace="diamond_workflow")
    assert worker.is_healthy
    assert (await workers.get_worker(worker.worker_id)).worker_id == worker.worker_id
    assert (await workers.get_worker_health(worker.worker_id)).is_healthy
    assert await workers.list_workers(namespace="nobody") == ()


async def test_dead_letters_are_read_and_changed(client: OrchestrationClient) -> None:
    assert {it.dlq_reason for it in await client.count_dead_letters()} >= {"staleness_timeout", "manual_dlq"}
    assert await client.list_dead_letters(resolution=Resolution.CANCELLED) == ()
    assert await client.list_investigations() == ()
    with pytest.raises(RefusedError):
        await client.get_dead_letter(NOBODY)
    with pytest.raises(RefusedError) as caught:
        await client.change_dead_letter(NOBODY, Resolution.CANCELLED, notes="none", by="anna")
    assert (caught.value.status, caught.value.code) == (404, "NOT_FOUND")


async def test_figures_are_read(client: OrchestrationClient, idle_server: str) -> None:
    await client.wait_for_completion((await client.create_task(DIAMOND)).task_uuid, 30)
    assert (await client.measure_performance(hours=1)).completed_tasks >= 1
    slow = await client.find_bottlenecks(limit=100, min_executions=1)
    assert "diamond_end" in {it.step_name for it in slow.slow_steps}
    assert {it.step_name for it in slow.slow_tasks} == {None}
    async with OrchestrationClient(idle_server) as idle:
        task = (await idle.create_task(DIAMOND)).task_uuid
        assert task in {it.task_uuid for it in await idle.list_stays(limit=1000)}


async def test_a_server_tells_its_health(client: OrchestrationClient, workers: WorkerClient) -> None:
    health = await client.wait_until_ready(30)
    assert (health.is_ready, "workflows" in {it.name for it in health.services}) == (True, True)
    assert (await workers.health()).is_ready


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (TaskRequest("diamond_workflow", "unknown"), "NOT_FOUND", "Task template not found"),
        (TaskRequest("diamond_workflow", ""), "BAD_REQUEST", "Task name cannot be empty"),
        (TaskRequest("diamond_workflow", "diamond_pattern", {"even_number": 1000}), "BAD_REQUEST", "context.even"),
    ],
)
async def test_what_the_server_refuses_has_its_code_and_message(
    client: OrchestrationClient, request_: TaskRequest, code: str, message: str
) -> None:
    with pytest.raises(RefusedError, match=message) as caught:
        await client.create_task(request_)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "url", ["", "localhost", "ftp://a", "http://", "http://a:0", "http://u:p@a", "http://a b", "http://a:x"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="is no address of a server"):
        OrchestrationClient(url)


async def test_the_synchronous_face_does_the_same_also_within_a_running_loop(server: str) -> None:
    with SyncOrchestrationClient(server) as client, SyncWorkerClient(server) as workers:
        created = client.create_task(DIAMOND)
        assert client.wait_for_completion(created.task_uuid, 30).outcome is Outcome.COMPLETED
        (last,) = client.watch_task(created.task_uuid, 30)
        assert last == client.get_task(created.task_uuid)
        assert workers.list_workers(namespace="nobody") == ()
        with pytest.raises(RefusedError):
            client.get_task(NOBODY)
    with pytest.raises(RuntimeError, match="closed"):
        client.health()

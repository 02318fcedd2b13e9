"""The service over HTTP, on a database file, with its own worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from botserver_core import create_app
from botserver_workflows import service
from botserver_workflows.settings import WorkflowsSettings
from botserver_workflows.testing import APPROVALS, APPROVED_ALWAYS
from botstate import DatabaseSettings, DataSettings, Settings, compose, database_service, foundation
from botstate.testing import check_migrations

pytestmark = pytest.mark.anyio

DIAMOND: dict[str, Any] = {"namespace": "diamond_workflow", "name": "diamond_pattern", "context": {"even_number": 6}}
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="session")
def postgres_template() -> str:
    """A database without tables: the service makes them."""
    return "template1"


@asynccontextmanager
async def client_of(
    folder: Path, database: DatabaseSettings | None = None, **settings: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    parts = {
        "data": DataSettings(folder),
        "database": database or DatabaseSettings(),
        "workflows": WorkflowsSettings(environment="test", **settings),
    }
    services = (foundation(Settings(parts)), database_service, service)
    async with compose(services) as state:
        transport = httpx2.ASGITransport(create_app(state, services))
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
            yield client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(tmp_path) as client:
        yield client


async def ended(client: httpx2.AsyncClient, task: str) -> dict[str, Any]:
    """The task once nothing moves any more."""
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await client.get(f"/v1/tasks/{task}")).json()
            if found["execution_status"] in {"all_complete", "blocked_by_failures"}:
                return found
            await asyncio.sleep(0.02)


async def create(client: httpx2.AsyncClient, **form: Any) -> dict[str, Any]:
    answer = await client.post("/v1/tasks", json={**DIAMOND, **form})
    assert answer.status_code == 200, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def test_a_task_runs_to_its_end(tmp_path: Path, database_settings: DatabaseSettings) -> None:
    async with client_of(tmp_path, database_settings) as client:
        created = await create(client)
        task = await ended(client, created["task_uuid"])
        steps = (await client.get(f"/v1/tasks/{created['task_uuid']}/workflow_steps")).json()

    assert (created["status"], created["step_count"], created["handler_config_name"]) == (
        "created",
        4,
        "diamond_pattern",
    )
    assert (task["status"], task["completion_percentage"], task["health_status"]) == ("all_complete", 100.0, "healthy")
    assert {step["name"]: step["results"]["result"] for step in steps} == {
        "diamond_start": 36,
        "diamond_branch_b": 1296,
        "diamond_branch_c": 1296,
        "diamond_end": 2821109907456,
    }
    assert {step["current_state"] for step in steps} == {"complete"}


@pytest.mark.parametrize(("amount", "steps"), APPROVALS)
async def test_an_approval_goes_the_way_of_its_amount(
    client: httpx2.AsyncClient, amount: int, steps: frozenset[str]
) -> None:
    form = {"namespace": "conditional_approval", "name": "approval_routing", "context": {"amount": amount}}
    task = await ended(client, (await create(client, **form))["task_uuid"])
    assert task["status"] == "all_complete"
    assert {step["name"] for step in task["steps"]} == steps | APPROVED_ALWAYS


async def test_steps_that_fail_block_their_task_until_a_person_steps_in(client: httpx2.AsyncClient) -> None:
    form = {"namespace": "test_errors", "name": "error_testing", "context": {"fail": "permanent"}}
    created = await create(client, **form)
    task = await ended(client, created["task_uuid"])
    assert (task["status"], task["recommended_action"]) == ("blocked_by_failures", "handle_failures")

    path = f"/v1/tasks/{task['task_uuid']}/workflow_steps/{created['step_mapping']['permanent_error_step']}"
    action = {"action_type": "complete_manually", "reason": "known", "completed_by": "anna"}
    done = await client.patch(path, json={**action, "completion_data": {"result": {"by": "hand"}}})

    assert done.status_code == 200
    assert done.json()["results"]["result"] == {"by": "hand"}
    assert (await ended(client, task["task_uuid"]))["status"] == "all_complete"


async def test_tasks_are_listed_page_by_page(client: httpx2.AsyncClient) -> None:
    made = [(await create(client, tags=[str(number)]))["task_uuid"] for number in range(3)]
    for task in made:
        await ended(client, task)
    first = (await client.get("/v1/tasks", params={"per_page": 2, "namespace": "diamond_workflow"})).json()

    assert [task["task_uuid"] for task in first["tasks"]] == made[:0:-1]
    assert {task["status"] for task in first["tasks"]} == {"complete"}
    assert first["pagination"] == {
        "page": 1,
        "per_page": 2,
        "total_count": 3,
        "total_pages": 2,
        "has_next": True,
        "has_previous": False,
    }
    assert (await client.get("/v1/tasks", params={"status": "in_progress"})).json()["tasks"] == []


async def test_a_task_that_waits_is_cancelled_and_one_that_has_ended_is_not(tmp_path: Path) -> None:
    async with client_of(tmp_path, workers=0) as client:
        task = (await create(client))["task_uuid"]
        assert (await client.delete(f"/v1/tasks/{task}")).status_code == 200
        again = await client.delete(f"/v1/tasks/{task}")
    assert again.status_code == 400
    assert again.json() == {"error": {"code": "BAD_REQUEST", "message": "Cannot cancel a cancelled task"}}


async def test_asking_twice_with_one_key_makes_one_task(client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(create(client, idempotency_key="one") for _ in range(8)))
    assert len({answer["task_uuid"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("method", "path", "json", "status"),
    [
        ("POST", "/v1/tasks", {"name": 1}, 422),
        ("GET", "/v1/tasks?per_page=0", None, 400),
        ("GET", "/v1/tasks?per_page=101", None, 400),
        ("GET", "/v1/tasks/none", None, 400),
        ("POST", "/v1/tasks", {**DIAMOND, "name": ""}, 400),
        ("POST", "/v1/tasks", {**DIAMOND, "name": "unknown"}, 404),
        ("POST", "/v1/tasks", {**DIAMOND, "context": {"even_number": 1000}}, 400),
        ("POST", "/v1/tasks", {**DIAMOND, "bypass_steps": ["unknown"]}, 400),
        ("GET", f"/v1/tasks/{NOBODY}", None, 404),
        ("DELETE", f"/v1/tasks/{NOBODY}", None, 404),
        ("GET", f"/v1/tasks/{NOBODY}/workflow_steps", None, 404),
        ("GET", f"/v1/tasks/{NOBODY}/workflow_steps/{NOBODY}", None, 404),
        ("GET", f"/v1/dlq/task/{NOBODY}", None, 404),
        ("PATCH", f"/v1/dlq/entry/{NOBODY}", {"resolution_status": "cancelled"}, 404),
        ("GET", "/v1/handlers/unknown", None, 404),
        ("GET", "/v1/handlers/diamond_workflow/unknown", None, 404),
        ("GET", f"/v1/workers/{NOBODY}/status", None, 404),
    ],
)
async def test_what_cannot_be_is_refused(
    client: httpx2.AsyncClient, method: str, path: str, json: Any, status: int
) -> None:
    answer = await client.request(method, path, json=json)
    codes = {400: {"BAD_REQUEST", "INVALID_UUID"}, 404: {"NOT_FOUND"}, 422: {"BAD_REQUEST"}}
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] in codes[status]


async def test_what_is_installed_and_who_runs_it_can_be_asked(client: httpx2.AsyncClient) -> None:
    namespaces = {it["name"] for it in (await client.get("/v1/handlers")).json()}
    (template,) = (await client.get("/v1/handlers/diamond_workflow")).json()
    await ended(client, (await create(client))["task_uuid"])  # so somebody runs it
    workers = (await client.get("/v1/workers", params={"namespace": "diamond_workflow"})).json()
    (worker,) = workers

    assert {"linear_workflow", "order_fulfillment"} <= namespaces
    assert template["step_templates"] == ["diamond_start", "diamond_branch_b", "diamond_branch_c", "diamond_end"]
    assert (worker["status"], worker["health"]) == ("active", "healthy")
    health = (await client.get(f"/v1/workers/{worker['worker_id']}/health")).json()
    assert health["status"] == "healthy"


async def test_a_server_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    async with client_of(tmp_path, workers=0) as client:
        task = (await create(client))["task_uuid"]
    async with client_of(tmp_path) as client:
        assert (await ended(client, task))["status"] == "all_complete"


async def test_dead_letters_can_be_asked_for(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/dlq")).json() == []
    assert (await client.get("/v1/dlq/investigation-queue")).json() == []
    assert (await client.get("/v1/dlq/staleness")).json() == []
    assert (await client.get("/v1/analytics/performance", params={"hours": 1})).json()["total_tasks"] == 0
    assert (await client.get("/v1/analytics/bottlenecks")).json()["slow_steps"] == []
    stats = (await client.get("/v1/dlq/stats")).json()
    assert {entry["dlq_reason"]: entry["total_entries"] for entry in stats} == {
        "staleness_timeout": 0,
        "max_retries_exceeded": 0,
        "dependency_cycle_detected": 0,
        "worker_unavailable": 0,
        "manual_dlq": 0,
    }


async def test_the_revisions_make_the_tables_of_the_code(database_settings: DatabaseSettings) -> None:
    await check_migrations(database_settings, service)

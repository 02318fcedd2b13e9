"""Tasks are asked for twice, and by clients whose connection breaks: each key makes one task and has one answer (W12).

A sample by default; `WORKFLOWS_SUBMITS=10000 uv run pytest packages/workflows -k idempotency -rP` is the whole.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import pytest

from botserver_core.settings import Rate, WebSettings
from botserver_core.testing.running import running
from botserver_workflows import service
from botserver_workflows.settings import WorkflowsSettings
from botstate import DataSettings, Settings, database_service, foundation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botstate import DatabaseSettings

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SUBMITS = int(os.environ.get("WORKFLOWS_SUBMITS", "120"))
AT_ONCE = 16
#: The second one grows while it runs.
FORMS: tuple[dict[str, Any], ...] = (
    {"namespace": "diamond_workflow", "name": "diamond_pattern", "context": {"even_number": 6}},
    {"namespace": "conditional_approval", "name": "approval_routing", "context": {"amount": 500}},
)


@pytest.fixture(scope="session")
def postgres_template() -> str:
    """A database without tables: the service makes them."""
    return "template1"


@pytest.fixture
def server(tmp_path: Path, database_settings: DatabaseSettings) -> Iterator[str]:
    parts = {
        "data": DataSettings(tmp_path),
        "database": database_settings,
        "workflows": WorkflowsSettings(environment="test"),
        "web": WebSettings(address_rate=Rate(0)),
    }
    with running((foundation(Settings(parts)), database_service, service)) as url:
        yield url


class Seen(NamedTuple):
    """The answers to each key, and how many connections were cut."""

    answers: dict[str, list[tuple[int, str]]]
    cuts: int


async def ask(client: httpx2.AsyncClient, form: dict[str, Any]) -> tuple[int, str]:
    answer = await client.post("/v1/tasks", json=form)
    return answer.status_code, answer.text


async def ask_and_leave(url: str, form: dict[str, Any], die: Random) -> None:
    """Send a part of the request, or all of it, and break the connection before the answer, or in the midst of it."""
    body = json.dumps(form).encode()
    head = f"POST /v1/tasks HTTP/1.1\r\nhost: server\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    sent = head.encode() + b"\r\n\r\n" + body
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    kind = die.choice(["a part", "all", "until the answer begins"])
    writer.write(sent[: die.randrange(len(sent))] if kind == "a part" else sent)
    await writer.drain()
    if kind == "until the answer begins":
        await reader.read(1)
    writer.transport.abort()


async def submit_all(url: str, number: int, die: Random) -> Seen:
    """That many requests: two of ten repeat another one at the same moment, one of ten is left before its answer."""
    seen = Seen({f"key {index}": [] for index in range(number * 7 // 10)}, number // 10)
    keys = list(seen.answers)
    doubled = set(die.sample(keys, number * 2 // 10))
    left = set(die.sample(keys, seen.cuts))
    places = asyncio.Semaphore(AT_ONCE)

    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:

        async def insist(index: int, key: str) -> None:
            form = {**FORMS[index % len(FORMS)], "idempotency_key": key}
            async with places:
                if key in left:
                    await ask_and_leave(url, form, die)
                seen.answers[key] += await asyncio.gather(*(ask(client, form) for _ in range(1 + (key in doubled))))

        await asyncio.gather(*(insist(index, key) for index, key in enumerate(keys)))
        # Once more for some, whose tasks have gone on meanwhile.
        for index, key in enumerate(keys[: AT_ONCE * 2]):
            seen.answers[key].append(await ask(client, {**FORMS[index % len(FORMS)], "idempotency_key": key}))
    return seen


async def faults_of(url: str, seen: Seen) -> list[str]:
    faults = [f"{key}: {answers}" for key, answers in seen.answers.items() if len(set(answers)) != 1]
    faults += [f"{key}: {answers[0]}" for key, answers in seen.answers.items() if answers[0][0] != 200]
    async with httpx2.AsyncClient(base_url=url) as client:
        made = (await client.get("/v1/tasks", params={"per_page": 1})).json()["pagination"]["total_count"]
    if made != len(seen.answers):
        faults.append(f"{made} tasks of {len(seen.answers)} keys")
    return faults


async def test_idempotency_one_key_has_one_task_and_one_answer(server: str) -> None:
    seen = await submit_all(server, SUBMITS, Random(0))
    asked = Counter(len(answers) for answers in seen.answers.values())
    print(f"{len(seen.answers)} keys, {seen.cuts} connections cut, keys by their number of answers: {dict(asked)}")
    assert await faults_of(server, seen) == []


async def test_idempotency_a_service_that_does_not_look_for_keys_is_caught(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_nothing(*_: object) -> None:
        return None

    monkeypatch.setattr("botserver_workflows.submitting._find", find_nothing)
    assert await faults_of(server, await submit_all(server, 40, Random(0))) != []

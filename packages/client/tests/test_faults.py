"""A network that cuts, stalls and resets: no call hangs, and no task is made twice.

A sample by default; `CLIENT_TRIALS=500 uv run pytest packages/client -k faults` is the whole.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from botlib import FakeClock
from botserver_client import (
    ClientError,
    DeadlineError,
    OrchestrationClient,
    Outcome,
    TaskRequest,
    UnreachableError,
    calling,
    orchestration,
)
from botstate.testing.proxy import Proxy, run_proxy

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TRIALS = int(os.environ.get("CLIENT_TRIALS", "25"))
#: Seconds after which something hangs: many times what any call here may take.
HUNG = 30.0


@asynccontextmanager
async def behind_proxy(server: str, limit: float) -> AsyncIterator[tuple[OrchestrationClient, Proxy]]:
    async with (
        run_proxy(urlsplit(server).port or 0) as proxy,
        OrchestrationClient(f"http://127.0.0.1:{proxy.port}", timeout=limit) as client,
    ):
        yield client, proxy


async def until(condition: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(HUNG):
            while not condition():  # noqa: ASYNC110 - the proxy counts, and tells nobody
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"waited {HUNG:g} seconds until {what}")


def request_of(initiator: str) -> TaskRequest:
    return TaskRequest("linear_workflow", "mathematical_sequence", {"even_number": 2}, initiator=initiator)


async def count_tasks(server: str, initiator: str) -> int:
    async with OrchestrationClient(server) as client:
        return (await client.list_tasks(initiator=initiator)).pagination.total_count


async def tasks_made_when_an_answer_is_lost(server: str) -> int:
    """How many tasks there are when the connection is cut after the task was made, and before its answer came."""
    initiator = str(uuid4())
    async with behind_proxy(server, limit=20) as (client, proxy):
        proxy.stall(answers_only=True)
        asking = asyncio.create_task(client.create_task(request_of(initiator)))
        await until(lambda: proxy.received >= 2, "the answer was on its way")
        proxy.cut(reset=True)
        proxy.resume()
        async with asyncio.timeout(HUNG):
            await asking
    return await count_tasks(server, initiator)


async def test_an_answer_that_is_lost_makes_no_second_task(idle_server: str) -> None:
    assert await tasks_made_when_an_answer_is_lost(idle_server) == 1


async def test_a_client_that_asks_again_without_a_key_is_caught(
    idle_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = orchestration._describe

    def without_key(*arguments: object) -> dict[str, object]:
        body = describe(*arguments)  # type: ignore[arg-type]  # passed on as they came
        del body["idempotency_key"]
        return body

    monkeypatch.setattr(orchestration, "_describe", without_key)
    assert await tasks_made_when_an_answer_is_lost(idle_server) == 2


async def test_a_change_whose_answer_is_lost_is_told_and_not_made_again(idle_server: str) -> None:
    async with OrchestrationClient(idle_server) as direct:
        task = (await direct.create_task(request_of("anna"))).task_uuid
        async with behind_proxy(idle_server, limit=20) as (client, proxy):
            proxy.stall(answers_only=True)
            asking = asyncio.create_task(client.cancel_task(task))
            await until(lambda: proxy.received >= 2, "the answer was on its way")
            proxy.cut(reset=True)
            with pytest.raises(UnreachableError, match=r"The connection to .* broke"):
                await asking
            assert proxy.accepted == 1
        assert (await direct.get_task(task)).outcome is Outcome.CANCELLED


async def test_a_server_that_stalls_ends_the_call_at_its_deadline(idle_server: str) -> None:
    async with behind_proxy(idle_server, limit=1.0) as (client, proxy):
        proxy.stall()
        async with asyncio.timeout(HUNG):
            with pytest.raises(DeadlineError, match="did not answer within"):
                await client.get_task(uuid4())
        assert proxy.accepted >= 2  # one that stalls leaves time for another try


async def test_a_client_without_limits_is_caught(idle_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "limit_of_attempt", lambda *_, **__: None)
    async with behind_proxy(idle_server, limit=0.2) as (client, proxy):
        proxy.stall()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await client.get_task(uuid4())


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nx-a: ", b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n"])
async def test_a_server_that_sends_a_byte_now_and_then_does_not_hold_the_call(start: bytes) -> None:
    serving: set[asyncio.Task[None] | None] = set()

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        writer.write(start)
        with suppress(OSError):
            while not writer.is_closing():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.transport.abort()

    listener = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with OrchestrationClient(f"http://127.0.0.1:{port}", timeout=0.3) as client, asyncio.timeout(HUNG):
        with pytest.raises(DeadlineError):
            await client.list_namespaces()
    listener.close()
    await until(lambda: all(it is None or it.done() for it in serving), "every connection was left")


class Hurrying(FakeClock):
    """Passes the time as soon as somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        self._monotonic += seconds
        await asyncio.sleep(0)


async def test_waiting_outlives_a_server_that_goes_and_comes_back(idle_server: str) -> None:
    async with OrchestrationClient(idle_server) as direct:
        task = (await direct.create_task(request_of("anna"))).task_uuid
        async with behind_proxy(idle_server, limit=20) as (client, proxy):
            watching = client.watch_task(task, HUNG)
            assert (await anext(watching)).outcome is None
            await proxy.refuse()
            await direct.cancel_task(task)
            following = asyncio.ensure_future(anext(watching))
            await asyncio.sleep(0)  # it is under way when the server comes back
            await proxy.open()
            assert (await following).outcome is Outcome.CANCELLED


async def test_waiting_tells_that_the_server_went_away(idle_server: str) -> None:
    async with run_proxy(urlsplit(idle_server).port or 0) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        async with OrchestrationClient(url, clock=Hurrying()) as client, asyncio.timeout(HUNG):
            task = (await client.create_task(request_of("anna"))).task_uuid
            watching = client.watch_task(task, 10)
            assert (await anext(watching)).outcome is None
            await proxy.refuse()
            with pytest.raises(DeadlineError, match="and its server does not answer any more: http"):
                await anext(watching)


async def break_connections(proxy: Proxy, chance: random.Random, stop: asyncio.Event) -> None:
    """Faults in an order and at moments of chance, until `stop`."""
    while not stop.is_set():
        fault = chance.choice(["cut", "reset", "stall", "stall answers", "refuse"])
        if fault in {"cut", "reset"}:
            proxy.cut(reset=fault == "reset")
        elif fault == "refuse":
            await proxy.refuse()
        else:
            proxy.stall(answers_only=fault == "stall answers")
        await asyncio.sleep(chance.uniform(0, 0.15))
        if fault == "refuse":
            await proxy.open()
        proxy.resume()
        await asyncio.sleep(chance.uniform(0, 0.08))


async def one_trial(server: str, proxy: Proxy, client: OrchestrationClient, chance: random.Random) -> str:
    initiator, stop = str(uuid4()), asyncio.Event()
    breaking = asyncio.create_task(break_connections(proxy, chance, stop))
    try:
        async with asyncio.timeout(HUNG):
            created = await client.create_task(request_of(initiator))
            task = await client.get_task(created.task_uuid)
            await client.get_step(task.task_uuid, task.steps[0].workflow_step_uuid)
    except ClientError as error:
        outcome = type(error).__name__
    else:
        outcome = "answered"
    finally:
        stop.set()
        await breaking
    made = await count_tasks(server, initiator)
    assert made <= 1, f"{made} tasks of one request"
    assert made == 1 or outcome != "answered"
    return outcome


async def test_no_call_hangs_and_no_task_is_made_twice_whatever_the_network_does(idle_server: str) -> None:
    async with behind_proxy(idle_server, limit=2.0) as (client, proxy):
        outcomes = [await one_trial(idle_server, proxy, client, random.Random(seed)) for seed in range(TRIALS)]
    assert "answered" in outcomes
    assert set(outcomes) <= {"answered", "UnreachableError", "DeadlineError"}

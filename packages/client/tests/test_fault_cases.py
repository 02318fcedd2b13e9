"""Every fault of a network and of a server, for every kind of call, from each face of the client (W16).

What a call must come to is written down here as a plain model. A sample by default; the whole, in which no call may end
more than a second after its time-out: `CLIENT_CASES=500 uv run pytest packages/client -k fault_cases -rP`
"""

import asyncio
import json
import os
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from botserver_client import (
    ClientError,
    DeadlineError,
    OrchestrationClient,
    RefusedError,
    SyncOrchestrationClient,
    TaskRequest,
    UnreachableError,
    UnreadableError,
    calling,
    routes,
)
from botserver_client.cli import main

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CASES = int(os.environ.get("CLIENT_CASES", "50"))
#: Seconds after its time-out at which a call hangs. In a sample, which others may hold up, many times as long.
HUNG = 1.0 if CASES >= 500 else 30.0
AT_ONCE = 10
RETRIES = 2
_RESET = struct.pack("ii", 1, 0)
WISH = TaskRequest("linear_workflow", "mathematical_sequence", {"even_number": 2}, initiator="faults")


class Fault(NamedTuple):
    """`is_after`: it strikes when the server has done what it was asked. `may_pass`: a reason to ask again."""

    name: str
    error: type[ClientError]
    may_pass: bool = True
    is_after: bool = False
    status: int = 0
    retry_after: str = ""


FAULTS = (
    Fault("reset", UnreachableError),
    Fault("close", UnreachableError),
    Fault("garbage", UnreachableError),
    Fault("silence", DeadlineError),
    Fault("reset", UnreachableError, is_after=True),
    Fault("close", UnreachableError, is_after=True),
    Fault("half", UnreachableError, is_after=True),
    Fault("silence", DeadlineError, is_after=True),
    Fault("drip", DeadlineError, is_after=True),
    Fault("truncated JSON", UnreadableError, may_pass=False, is_after=True),
    Fault("status", RefusedError, may_pass=False, status=500),
    Fault("status", RefusedError, status=502),
    Fault("status", RefusedError, status=503),
    Fault("status", RefusedError, status=504),
    Fault("status", RefusedError, status=429),
    Fault("status", RefusedError, status=429, retry_after="0"),
    Fault("status", RefusedError, may_pass=False, status=429, retry_after="3600"),
)
#: What is called, and whether it may be asked again.
CALLS = {"get": True, "create": True, "cancel": False}
FACES = ("async", "sync", "command")


class Case(NamedTuple):
    """The first `failures` requests meet the fault, those after them do not."""

    fault: Fault
    call: str
    face: str
    failures: int
    limit: float


class Server:
    """A proxy before the real one. It reads whole requests, and counts those that arrive and those it passes on."""

    def __init__(self, port: int, fault: Fault, failures: int) -> None:
        self._port = port
        self._fault = fault
        self._failures = failures
        self.arrived = self.passed_on = 0
        self.keys: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await _read_message(reader)
                self.arrived += 1
                if b"idempotency_key" in request:
                    self.keys.add(json.loads(request.partition(b"\r\n\r\n")[2])["idempotency_key"])
                is_faulty = self.arrived <= self._failures
                answer = b"" if is_faulty and not self._fault.is_after else await self._pass_on(request)
                if is_faulty:
                    await self._strike(answer, reader, writer)
                    break
                writer.write(answer)
                await writer.drain()
        writer.transport.abort()

    async def _pass_on(self, request: bytes) -> bytes:
        self.passed_on += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(request)
            return await _read_message(reader)
        finally:
            writer.transport.abort()

    async def _strike(self, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        match self._fault.name:
            case "reset":
                connection: socket.socket = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            case "garbage":
                await _send(writer, b"good morning\r\n\r\n")
            case "half":
                await _send(writer, head + b"\r\n\r\n" + body[: len(body) // 2])
            case "truncated JSON":
                await _send(writer, _message("200 OK", body[: len(body) // 2]))
            case "status":
                extra = f"retry-after: {self._fault.retry_after}\r\n" if self._fault.retry_after else ""
                await _send(writer, _message(f"{self._fault.status} Fault", b"{}", extra))
            case "drip":
                for byte in answer:
                    await _send(writer, bytes([byte]))
                    if await _is_left(reader, 1.0):
                        break
            case "silence":
                await _is_left(reader, None)
            case _:
                writer.write_eof()


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
    return head + await reader.readexactly(length)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _is_left(reader: asyncio.StreamReader, seconds: float | None) -> bool:
    """Wait so long, or until the client leaves."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await reader.read(1)
            return True
    return False


def _message(status: str, body: bytes, extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


@asynccontextmanager
async def faulty_server(behind: str, case: Case) -> AsyncIterator[tuple[str, Server]]:
    server = Server(urlsplit(behind).port or 0, case.fault, case.failures)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port, is_over = listener.getsockname()[1], asyncio.Event()
    serving: list[asyncio.Task[None]] = []

    async def accept() -> None:
        """One after the other, so that nobody who was accepted is forgotten at the end."""
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            reader, writer = await asyncio.open_connection(sock=connection)
            if is_over.is_set():
                writer.transport.abort()
                return
            serving.append(asyncio.create_task(server.serve(reader, writer)))

    accepting = asyncio.create_task(accept())
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        is_over.set()
        with socket.create_connection(("127.0.0.1", port)):
            await accepting
        listener.close()
        await asyncio.gather(*serving)


async def call(url: str, case: Case, task: str) -> str:
    """The name of the error that came, or "answered"; of the command, what its exit code stands for."""
    if case.face == "command":
        return await asyncio.to_thread(run_command, url, case, task)
    try:
        if case.face == "sync":
            await asyncio.to_thread(call_blocking, url, case, task)
        else:
            async with OrchestrationClient(url, timeout=case.limit, retries=RETRIES) as client:
                if case.call == "get":
                    await client.get_task(task)
                elif case.call == "create":
                    await client.create_task(WISH)
                else:
                    await client.cancel_task(task)
    except ClientError as error:
        return type(error).__name__
    return "answered"


def call_blocking(url: str, case: Case, task: str) -> None:
    with SyncOrchestrationClient(url, timeout=case.limit, retries=RETRIES) as client:
        if case.call == "get":
            client.get_task(task)
        elif case.call == "create":
            client.create_task(WISH)
        else:
            client.cancel_task(task)


def run_command(url: str, case: Case, task: str) -> str:
    words = {
        "get": ("get", task),
        "create": ("create", "-n", WISH.namespace, "--name", WISH.name, "-i", '{"even_number": 2}'),
        "cancel": ("cancel", task),
    }[case.call]
    limits = {"timeout_ms": round(case.limit * 1000), "max_retries": RETRIES}
    settings = [word for name, value in limits.items() for word in ("--set", f"orchestration.{name}={value}")]
    return f"exit code {main(('task', *words, '--orchestration-url', url, *settings))}"


def find_fault(case: Case, server: Server, outcome: str, seconds: float) -> str:
    """What is not as it is documented, or nothing."""
    tries = 1 + (RETRIES if CALLS[case.call] and case.fault.may_pass else 0)
    code = 1 if case.fault.error is RefusedError else 3
    failed = f"exit code {code}" if case.face == "command" else case.fault.error.__name__
    answered = "exit code 0" if case.face == "command" else "answered"
    expected = {answered if case.failures < tries else failed}
    asked = min(tries, case.failures + 1)
    requests = range(asked, asked + 1)
    if case.fault.error is DeadlineError:  # each try takes half of what is left, until nothing is left for another one
        expected, requests = expected | {failed}, range(tries + 1)
    told = []
    if outcome not in expected:
        told.append(f"{outcome} instead of {sorted(expected)}")
    if server.arrived not in requests:
        told.append(f"{server.arrived} requests instead of {requests}")
    if seconds > case.limit + HUNG:
        told.append(f"{seconds:.2f} seconds")
    if len(server.keys) != (case.call == "create" and server.arrived > 0):
        told.append(f"{len(server.keys)} keys")
    return f"{case}: {', '.join(told)}" if told else ""


async def try_case(behind: str, case: Case, *, hung: float = HUNG) -> str:
    async with OrchestrationClient(behind) as direct:
        task = str((await direct.create_task(WISH)).task_uuid)
    async with faulty_server(behind, case) as (url, server):
        began = time.monotonic()
        try:
            async with asyncio.timeout(case.limit + max(hung, 1.0)):
                outcome = await call(url, case, task)
        except TimeoutError:
            return f"{case}: it hangs"
        return find_fault(case, server, outcome, time.monotonic() - began)


def make_cases(number: int) -> list[Case]:
    """All faults and calls in turn; chance chooses the rest. Most faults tell at once, and their calls have time."""
    die = random.Random(0)
    pairs = [(fault, name) for fault in FAULTS for name in CALLS]
    die.shuffle(pairs)
    cases = []
    for index in range(number):
        fault, name = pairs[index % len(pairs)]
        limit = die.uniform(0.2, 1.5) if fault.error is DeadlineError else 20.0
        cases.append(Case(fault, name, die.choice(FACES), die.choice([1, 2, 99]), limit))
    return cases


async def try_all(behind: str, cases: list[Case]) -> list[str]:
    places = asyncio.Semaphore(AT_ONCE)

    async def try_one(case: Case) -> str:
        async with places:
            return await try_case(behind, case)

    return [it for it in await asyncio.gather(*map(try_one, cases)) if it]


async def test_fault_cases_come_to_what_is_documented(
    idle_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    cases, began = make_cases(CASES), time.monotonic()
    assert await try_all(idle_server, cases) == []
    print(f"{len(cases)} cases in {time.monotonic() - began:.0f} s: {dict(Counter(case.face for case in cases))}")


async def test_fault_cases_catch_a_client_without_limits(idle_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "limit_of_attempt", lambda *_, **__: None)
    case = Case(Fault("silence", DeadlineError), "get", "async", 9, 0.2)
    assert "it hangs" in await try_case(idle_server, case, hung=1.0)


async def test_fault_cases_catch_a_client_that_cancels_again(idle_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "CANCEL_TASK", routes.CANCEL_TASK._replace(repeatable=True))
    case = Case(Fault("close", UnreachableError, is_after=True), "cancel", "async", 9, 20.0)
    assert "3 requests" in await try_case(idle_server, case)


async def test_fault_cases_catch_a_client_that_gives_up_at_once(
    idle_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "may_pass_later", lambda *_: False)
    case = Case(Fault("status", RefusedError, status=503), "get", "async", 1, 20.0)
    assert "RefusedError instead of ['answered']" in await try_case(idle_server, case)

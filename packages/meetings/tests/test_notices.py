"""Webhooks to a real receiver: signed, repeated until they arrive, and seen by their user."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from botlib import FakeClock, Secret, SystemClock
from botserver_core import create_app
from botserver_meetings.context import MEETINGS
from botserver_meetings.testing import FakeRunner, World, create_services, wait_until
from botstate import (
    HttpSettings,
    OutboxSettings,
    WebhookSettings,
    WebhookVerifier,
    compose,
)
from botstate.memory import MemoryCache

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


class Receiver:
    """A server of somebody else: what it got, and how it answers the next requests."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.splitlines()[1:] if line]
        headers = {name.lower(): value for name, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.got.append((headers, body))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    import asyncio

    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


@asynccontextmanager
async def opened(folder: Path, port: int, **chosen: Any) -> AsyncIterator[World]:
    """A world in real time whose webhooks may go to this port of this machine."""
    parts = {
        "http": HttpSettings(allowed=("127.0.0.1",), ports=(port,)),
        "outbox": OutboxSettings(first_pause=0.05, poll=0.1),
        "webhooks": WebhookSettings(),
    }
    runner = FakeRunner()
    services = create_services(folder, SystemClock(), runner, parts=parts, **chosen)
    async with compose(services) as state:
        transport = httpx2.ASGITransport(create_app(state, services))
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
            yield World(state.require(MEETINGS), client, FakeClock(), runner)


async def test_an_end_is_told_signed_and_told_again_until_it_arrives(tmp_path: Path) -> None:
    async with receiving() as receiver, opened(tmp_path, receiver.port) as world:
        receiver.answers, clock = [500], SystemClock()
        anna, url = await world.user(), f"http://127.0.0.1:{receiver.port}/hook"
        answer = await world.ask(anna, "PUT", "/user/webhook", {"webhook_url": url})
        assert answer.json()["data"]["webhook_url"] == url
        again = await world.ask(anna, "PUT", "/user/webhook", {"webhook_url": url})
        assert "webhook_secret" not in again.json()

        bot = await (await world.bot(anna)).join()
        await bot.say("exited", exit_code=0)
        await wait_until(lambda: len(receiver.got) == 2, "the webhook was not sent again")

        headers, body = receiver.got[1]
        assert json.loads(body) == await world.meeting(anna, bot.meeting_id)
        began = clock.monotonic()
        secret = Secret(answer.json()["webhook_secret"])
        verified = await WebhookVerifier(MemoryCache(clock), clock).verify(tuple(headers.items()), body, [secret])
        assert verified == headers["webhook-id"] == receiver.got[0][0]["webhook-id"]

        shown = ""
        while "delivered:failed,delivered" not in shown:
            assert clock.monotonic() < began + 10, f"the log of deliveries says {shown}"
            notices = (await world.ask(anna, "GET", "/user/webhook")).json()["notices"]
            shown = " ".join(f"{it['state']}:{','.join(t['outcome'] for t in it['attempts'])}" for it in notices)


async def test_v06_tells_every_step(tmp_path: Path) -> None:
    async with receiving() as receiver, opened(tmp_path, receiver.port, profile="v0.6") as world:
        anna = await world.user()
        await world.ask(anna, "PUT", "/user/webhook", {"webhook_url": f"http://127.0.0.1:{receiver.port}/hook"})
        bot = await world.bot(anna)
        await bot.say("status_change", status="joining")
        await bot.say("status_change", status="failed", reason="validation_error")
        await wait_until(lambda: len(receiver.got) == 2, "two webhooks were not sent")
        told = [json.loads(body) for _, body in receiver.got]
        steps = sorted((it["status_change"]["from"], it["status_change"]["to"]) for it in told)
        assert steps == [("joining", "failed"), ("requested", "joining")]
        assert {it["event_type"] for it in told} == {"meeting.status_change"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://localhost/",
        "http://user:secret@example.org/",
        "ftp://example.org/",
        "example.org",
    ],
)
async def test_private_places_are_refused_and_nothing_is_written(world: World, url: str) -> None:
    anna = await world.user()
    answer = await world.ask(anna, "PUT", "/user/webhook", {"webhook_url": url})
    assert (answer.status_code, set(answer.json())) == (400, {"detail"})
    assert (await world.ask(anna, "GET", "/user/webhook")).json()["webhook_url"] is None

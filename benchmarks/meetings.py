"""How fast meeting bots are managed, on a throw-away PostgreSQL: `uv run python benchmarks/meetings.py`.

Reservations are compared with the same statements written by hand in psycopg, in turns within one run. The other
figures are of one server process: the list of running bots among many meetings, the way of a status to a WebSocket, and
the memory of a server with many live bots.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import psycopg
from websockets.asyncio.client import connect

from botlib import Secret, SystemClock
from botserver_core import serve
from botserver_core.settings import Rate, WebSettings
from botserver_meetings.bot.configuration import read_configuration
from botserver_meetings.bot.life import Bot
from botserver_meetings.bot.manager import open_manager
from botserver_meetings.context import MEETINGS
from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.reservation import Wish, reserve
from botserver_meetings.testing import ADMIN, FakeRunner, create_services
from botserver_stack import BlockingStack
from botstate import DatabaseSettings, compose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CLIENTS = 64
CONNECTIONS = 16
LIMIT = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the meetings service.")
    parser.add_argument("--reservations", type=int, default=1_500, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--meetings", type=int, default=10_000)
    parser.add_argument("--bots", type=int, default=500)
    parser.add_argument("--serve", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(*options.serve)
        return
    stack = BlockingStack(services=("postgres",)).start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_compare_reservations(stack.database_url, Path(folder), options))
            asyncio.run(_measure_server(stack.database_url, Path(folder), options))
    finally:
        stack.stop()


async def _compare_reservations(url: str, folder: Path, options: argparse.Namespace) -> None:
    database = DatabaseSettings(url=Secret(url), connections=CONNECTIONS, turn_limit=120.0)
    services = create_services(folder, SystemClock(), FakeRunner(), database=database)
    rates: dict[str, list[float]] = {"ours": [], "by hand": []}
    async with compose(services) as state, _by_hand(url) as reserve_by_hand:
        context = state.require(MEETINGS)
        await _create_users(url, CLIENTS)

        async def reserve_ours(user: int, number: int) -> None:
            name = MeetingName(Platform.GOOGLE_MEET, f"m-{number}")
            await reserve(context, user, Wish(name, "Bot", "en", "transcribe", "http://server"))

        ways = {"ours": reserve_ours, "by hand": reserve_by_hand}
        for _ in range(options.rounds):
            for way, call in ways.items():
                rates[way].append(await _rate(call, options.reservations))
    ours, by_hand = statistics.median(rates["ours"]), statistics.median(rates["by hand"])
    print(f"reservations a second, {CLIENTS} clients: {ours:.0f}, by hand {by_hand:.0f}, ratio {ours / by_hand:.2f}")


async def _rate(call: Callable[[int, int], Awaitable[None]], count: int) -> float:
    numbers = iter(range(count))

    async def work(user: int) -> None:
        for number in numbers:
            await call(user, number)

    began = time.perf_counter()
    await asyncio.gather(*(work(user) for user in range(1, CLIENTS + 1)))
    return count / (time.perf_counter() - began)


@asynccontextmanager
async def _by_hand(url: str) -> AsyncIterator[Callable[[int, int], Awaitable[None]]]:
    """Lock, count and insert, by as many connections as ours has."""
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    connections = [await psycopg.AsyncConnection.connect(url) for _ in range(CONNECTIONS)]
    for it in connections:
        free.put_nowait(it)

    async def reserve_by_hand(user: int, number: int) -> None:
        connection = await free.get()
        try:
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.execute("SELECT max_concurrent_bots FROM meetings_users WHERE id = %s FOR UPDATE", (user,))
                await cursor.execute(
                    "SELECT count(*) FROM meetings WHERE user_id = %s AND status IN "
                    "('reserved', 'starting', 'awaiting_admission', 'active')",
                    (user,),
                )
                await cursor.execute(_INSERT, (user, f"m-{number}", "0" * 32))
        finally:
            free.put_nowait(connection)

    yield reserve_by_hand
    for it in connections:
        await it.close()


_INSERT = """
INSERT INTO meetings (user_id, platform, platform_specific_id, status, history, bot_container_id, bot,
                      launch_claimed_at, beat_at, command, data, deleted, created_at, updated_at)
VALUES (%s, 'google_meet', %s, 'reserved', '[]', %s, '{}', now(), now(), 0, '{}', false, now(), now()) RETURNING id
"""


async def _create_users(url: str, count: int) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for number in range(count):
            await connection.execute(
                "INSERT INTO meetings_users (email, max_concurrent_bots, data, created_at) "
                "VALUES (%s, %s, '{}', now())",
                (f"user-{number}@example.org", LIMIT),
            )


async def _measure_server(url: str, folder: Path, options: argparse.Namespace) -> None:
    runner_folder = folder / "configs"
    runner_folder.mkdir()
    server = subprocess.Popen(  # noqa: ASYNC220 - nothing else happens yet
        [sys.executable, __file__, "--serve", url, str(runner_folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    address = await asyncio.to_thread(server.stdout.readline)
    try:
        async with httpx2.AsyncClient(base_url=address.strip(), trust_env=False, timeout=60.0) as client:
            key = await _create_key(client)
            await _fill(url, options.meetings)
            await _measure_list(client, key)
            await _measure_live(client, key, runner_folder)
            await _measure_bots(client, key, runner_folder, options.bots, server.pid)
    finally:
        server.terminate()
        server.communicate()


async def _create_key(client: httpx2.AsyncClient) -> dict[str, str]:
    body = {"email": "measured@example.org", "max_concurrent_bots": LIMIT}
    user = (await client.post("/admin/users", json=body, headers=ADMIN)).json()["id"]
    token = (await client.post(f"/admin/users/{user}/tokens", headers=ADMIN)).json()["token"]
    return {"X-API-Key": token}


async def _fill(url: str, count: int) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute("SELECT id FROM meetings_users WHERE email = 'measured@example.org'")
        row = await found.fetchone()
        assert row is not None
        for number in range(count):
            await connection.execute(_INSERT, (row[0], f"old-{number}", "0" * 32))
        await connection.execute(
            "UPDATE meetings SET status = 'completed' WHERE user_id = %s AND platform_specific_id <> 'old-0'", (row[0],)
        )
        await connection.execute("UPDATE meetings SET status = 'failed' WHERE user_id <> %s", (row[0],))
        await connection.commit()
        await connection.set_autocommit(True)
        await connection.execute("ANALYZE")


async def _measure_list(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    times = []
    for _ in range(500):
        began = time.perf_counter()
        (await client.get("/bots/status", headers=key)).raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    cut = statistics.quantiles(times, n=100)
    print(f"GET /bots/status among many meetings: median {statistics.median(times):.1f} ms, p99 {cut[98]:.1f} ms")


async def _measure_live(client: httpx2.AsyncClient, key: dict[str, str], folder: Path) -> None:
    address = str(client.base_url).replace("http", "ws").rstrip("/") + "/ws"
    times = []
    async with connect(address, additional_headers=key, proxy=None) as socket:
        for number in range(100):
            name = f"live-{number}"
            config = await _ask_for_bot(client, key, folder, name)
            subscribe = {"action": "subscribe", "meetings": [{"platform": "google_meet", "native_id": name}]}
            await socket.send(json.dumps(subscribe))
            await socket.recv()
            await socket.recv()
            began = time.perf_counter()
            told = asyncio.create_task(_report(client, config, "started"))
            await socket.recv()
            times.append((time.perf_counter() - began) * 1000)
            await told
            await socket.send(json.dumps({**subscribe, "action": "unsubscribe"}))
            await socket.recv()
    print(f"a status on its way to a WebSocket: median {statistics.median(times):.1f} ms")


async def _measure_bots(client: httpx2.AsyncClient, key: dict[str, str], folder: Path, count: int, pid: int) -> None:
    configs = [await _ask_for_bot(client, key, folder, f"bot-{number}") for number in range(count)]

    async def run(config: dict[str, Any]) -> None:
        configuration = read_configuration(config)
        async with open_manager(configuration) as manager:
            await Bot(configuration, manager, SystemClock()).run()

    began = time.perf_counter()
    bots = [asyncio.create_task(run(config)) for config in configs]
    active = 0
    while active < count:
        await asyncio.sleep(0.5)
        found = (await client.get("/bots/status", headers=key)).json()["running_bots"]
        active = sum(it["meeting_status"] == "active" for it in found)
        if time.perf_counter() - began > 300:
            break
    took = time.perf_counter() - began
    await asyncio.sleep(20)
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")  # noqa: ASYNC240 - a few lines
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    print(f"{active} of {count} bots active after {took:.0f} s; the server took {peak:.0f} MiB at most")
    for bot in bots:
        bot.cancel()
    await asyncio.gather(*bots, return_exceptions=True)


async def _ask_for_bot(client: httpx2.AsyncClient, key: dict[str, str], folder: Path, name: str) -> dict[str, Any]:
    wish = {"platform": "google_meet", "native_meeting_id": name}
    meeting = (await client.post("/bots", json=wish, headers=key)).raise_for_status().json()
    container = f"vexa-bot-{meeting['id']}-{meeting['bot_container_id'][:8]}"
    config: dict[str, Any] = json.loads((folder / container).read_text(encoding="utf-8"))
    return config


async def _report(client: httpx2.AsyncClient, config: dict[str, Any], step: str) -> None:
    headers = {"Authorization": f"Bearer {config['token']}"}
    body = {"connection_id": config["connectionId"]}
    (await client.post(f"/bots/internal/callback/{step}", json=body, headers=headers)).raise_for_status()


class _Noting(FakeRunner):
    """Starts no process: it writes down what a bot would be started with."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def start(self, name: str, config: str) -> None:
        await super().start(name, config)
        (self._folder / name).write_text(config, encoding="utf-8")


def _serve(url: str, folder: str) -> None:
    database = DatabaseSettings(url=Secret(url), connections=10)
    parts = {"web": WebSettings(address_rate=Rate(count=0))}  # all bots come from one address here
    services = create_services(Path(folder), SystemClock(), _Noting(Path(folder)), database=database, parts=parts)
    serve(services, port=0, ready=lambda address, _standings: print(address, flush=True))


if __name__ == "__main__":
    main()

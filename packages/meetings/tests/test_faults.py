"""B5, B6 and B7: what is killed at the wrong moment loses nothing, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from botlib import Secret
from botserver_core.testing import running
from botserver_meetings import accounts, authentication, processes
from botserver_meetings.testing import ADMIN, create_real_services
from botstate import CacheSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botserver_meetings.accounts import User
    from botserver_meetings.context import Context
    from botserver_stack import BlockingStack

pytestmark = pytest.mark.slow

#: What serves until it is killed; its port stays the same, so that bots find it again. It imports nothing of the tests:
#: each start of it is waited for.
PROGRAM = """
import sys
from pathlib import Path
from botserver_core import serve
from botserver_meetings.testing import create_real_services
services = create_real_services(Path(sys.argv[1]), sweep_interval=0.5, launch_patience=1.0)
serve(services, port=int(sys.argv[2]), ready=lambda url, _: print(url, flush=True))
"""


def ask(url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, sent, {**(headers or ADMIN), "Content-Type": "application/json"})
    request.method = method
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def create_user(url: str, limit: int) -> dict[str, str]:
    user = ask(url, "POST", "/admin/users", {"email": "anna@example.org", "max_concurrent_bots": limit})
    return {"X-API-Key": ask(url, "POST", f"/admin/users/{user['id']}/tokens")["token"]}


def wait_for(condition: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {what}"
        time.sleep(0.05)


def living(folder: Path) -> set[str]:
    """The names of the bots whose processes live: those whose mark is locked."""
    found = set()
    for path in (folder / "run").glob("*.bot"):
        with path.open() as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.add(path.stem)
    return found


class Killable:
    """A server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = [sys.executable, "-c", PROGRAM, str(self.folder), str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the server did not start"
        self.port = int(self.url.rpartition(":")[2])

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.communicate(timeout=30)


def ask_and_forget(url: str, headers: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    """Ask for a bot from another process, and do not wait for the answer."""
    code = (
        "import sys, urllib.request as u; "
        "headers = {'X-API-Key': sys.argv[3], 'Content-Type': 'application/json'}; "
        "u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), headers))"
    )
    wish = json.dumps({"platform": "google_meet", "native_meeting_id": name})
    words = [f"{url}/bots", wish, headers["X-API-Key"]]
    return subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL)


def test_a_manager_that_is_killed_leaves_no_place_taken_and_no_bot_alone(
    tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    server, chance = Killable(tmp_path), random.Random(7)
    server.start()
    try:
        key = create_user(server.url, limit=1000)
        for number in range(rounds(1, 300)):
            asked = [ask_and_forget(server.url, key, f"m-{number}-{part}") for part in range(2)]
            time.sleep(chance.uniform(0.05, 0.6))
            server.end()
            for it in asked:
                it.wait(30)
            server.start()

            def settled() -> bool:
                meetings = ask(server.url, "GET", "/meetings", headers=key)["meetings"]
                opened = {f"vexa-bot-{it['id']}-{it['bot_container_id'][:8]}": it["status"] for it in meetings}
                opened = {name: status for name, status in opened.items() if status not in {"completed", "failed"}}
                return set(opened.values()) <= {"active"} and set(opened) == living(tmp_path)

            wait_for(settled, "every place belongs to a bot that lives, and every bot to a place")
        for meeting in ask(server.url, "GET", "/meetings", headers=key)["meetings"]:
            if meeting["status"] == "active":
                ask(server.url, "DELETE", f"/bots/google_meet/{meeting['native_meeting_id']}", headers=key)
        wait_for(lambda: not living(tmp_path), "all bots have left")
        wait_for(lambda: not ask(server.url, "GET", "/bots/status", headers=key)["running_bots"], "all places are free")
    finally:
        server.end(signal.SIGTERM)


#: A bot that believes in messages: it asks for commands only when one has arrived.
TRUSTING = """
import asyncio, sys
import botserver_meetings.bot.__main__ as program
import botserver_meetings.bot.life as life

async def listen(configuration, wake, clock):
    from redis.asyncio import Redis
    while True:
        try:
            async with Redis.from_url(configuration.redis_url) as client, client.pubsub() as pubsub:
                await pubsub.subscribe(f"bot_commands:{configuration.connection_id}")
                async for message in pubsub.listen():
                    if message["type"] == "message":
                        wake()
        except Exception:
            await asyncio.sleep(0.2)

life.POLL = 3600.0
program.listen = listen
sys.exit(program.main())
"""


@contextmanager
def served_with_redis(folder: Path, stack: BlockingStack) -> Iterator[tuple[str, dict[str, str], int]]:
    """A server whose bots listen on this Valkey, with one bot in its meeting."""
    services = create_real_services(folder, sweep_interval=0.5, redis_url=Secret(stack.redis_url))
    with running(services) as url:
        key = create_user(url, limit=1)
        wish = {"platform": "google_meet", "native_meeting_id": "daily"}
        meeting = ask(url, "POST", "/bots", wish, key)
        wait_for(lambda: ask(url, "GET", "/meetings", headers=key)["meetings"][0]["status"] == "active", "it is active")
        yield url, key, meeting["id"]


def applied(folder: Path) -> int:
    """The number of commands that the bot has confirmed."""
    with closing(sqlite3.connect(folder / "test.sqlite3")) as connection:
        query = "SELECT count(*) FROM meetings_commands WHERE applied_at IS NOT NULL"
        found: int = connection.execute(query).fetchone()[0]
    return found


def command_while_redis_is_down(url: str, key: dict[str, str], stack: BlockingStack, number: int) -> None:
    before = ask(url, "GET", "/meetings", headers=key)["meetings"][0]
    stack.run(stack.stack.kill_server("redis"))
    ask(url, "PUT", "/bots/google_meet/daily/config", {"language": ("fr", "es")[number % 2]}, key)
    after = ask(url, "GET", "/meetings", headers=key)["meetings"][0]
    assert {**after, "updated_at": ""} == {**before, "updated_at": ""}  # no answer depends on Redis
    stack.run(stack.stack.start_server("redis"))


#: Every GET of users and of the admin.
PATHS = (
    "/admin/stats/meetings-users",
    "/admin/users",
    "/admin/users/email/anna@example.org",
    "/admin/users/1",
    "/bots/status",
    "/meetings",
    "/transcripts/google_meet/daily",
    "/user/webhook",
)


def answers(url: str, key: dict[str, str]) -> dict[str, Any]:
    """What every GET gives now. Whoever is refused gets no answer that could be compared with others."""
    found = {}
    for path in PATHS:
        try:
            found[path] = ask(url, "GET", path, headers={**ADMIN, **key})
        except urllib.error.HTTPError as error:
            found[path] = error.code
    return found


def differences(folder: Path, stack: BlockingStack, count: int) -> list[str]:
    """Which answers are others than before while Redis, where cache and messages are, is empty, down, and back."""
    redis = Secret(stack.redis_url)
    services = create_real_services(folder, parts={"cache": CacheSettings(url=redis, timeout=0.2)}, redis_url=redis)
    found = []
    with running(services) as url, Redis.from_url(stack.redis_url) as client:
        key = create_user(url, limit=1)
        ask(url, "POST", "/bots", {"platform": "google_meet", "native_meeting_id": "daily"}, key)
        wait_for(lambda: ask(url, "GET", "/transcripts/google_meet/daily", headers=key)["segments"], "it is heard")
        ask(url, "DELETE", "/bots/google_meet/daily", headers=key)
        wait_for(lambda: not living(folder), "the bot has left")
        before = answers(url, key)
        assert all(isinstance(it, dict | list) for it in before.values()), before
        steps: dict[str, Callable[[], object]] = {
            "flushed": client.flushall,
            "down": lambda: stack.run(stack.stack.kill_server("redis")),
            "back": lambda: stack.run(stack.stack.start_server("redis")),
        }
        for _ in range(count):
            for name, step in steps.items():
                step()
                now = answers(url, key)
                found += [f"{name}: {path}" for path in PATHS if now[path] != before[path]]
    return found


def test_no_answer_depends_on_redis(
    tmp_path: Path, fresh_stack: Callable[..., BlockingStack], rounds: Callable[[int, int], int]
) -> None:
    assert differences(tmp_path, fresh_stack(services=("redis",)), rounds(2, 100)) == []


def test_the_comparison_finds_a_manager_that_keeps_keys_in_redis(
    tmp_path: Path, fresh_stack: Callable[..., BlockingStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = fresh_stack(services=("redis",))
    right, known = accounts.find_owner, set[str]()

    async def find_kept_owner(context: Context, token: str) -> User | None:
        with Redis.from_url(stack.redis_url) as client:
            if token not in known:
                known.add(token)
                client.set(token, b"known")
            return await right(context, token) if client.exists(token) else None

    monkeypatch.setattr(authentication, "find_owner", find_kept_owner)
    assert "flushed: /meetings" in differences(tmp_path, stack, 1)


def test_every_command_is_carried_out_once_although_redis_dies(
    tmp_path: Path, fresh_stack: Callable[..., BlockingStack], rounds: Callable[[int, int], int]
) -> None:
    stack, count = fresh_stack(services=("redis",)), rounds(2, 100)
    with served_with_redis(tmp_path, stack) as (url, key, _):
        for number in range(count):
            command_while_redis_is_down(url, key, stack, number)
            wait_for(lambda done=number + 1: applied(tmp_path) == done, "the command is carried out", 10.0)  # type: ignore[misc]
        log = next((tmp_path / "run").glob("*.log")).read_text().splitlines()
    assert log == [f"command {number}: reconfigure" for number in range(1, count + 1)]


def test_the_test_finds_a_bot_that_believes_in_messages(
    tmp_path: Path, fresh_stack: Callable[..., BlockingStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PROGRAM", (sys.executable, "-c", TRUSTING))
    stack = fresh_stack(services=("redis",))
    with served_with_redis(tmp_path, stack) as (url, key, _):
        command_while_redis_is_down(url, key, stack, 0)
        with Redis.from_url(stack.redis_url) as redis:
            wait_for(lambda: redis.pubsub_channels("bot_commands:*"), "the bot listens again")
        with pytest.raises(AssertionError, match="not within"):
            wait_for(lambda: applied(tmp_path) == 1, "the command is carried out", 1.0)

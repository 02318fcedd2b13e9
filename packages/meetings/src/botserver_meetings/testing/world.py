"""A server without a socket, and bots that do what a test says."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botlib import FakeClock, SystemClock
from botserver_meetings.context import MEETINGS, Context
from botserver_meetings.runner import BOT_RUNNER
from botserver_meetings.service import create_context, service
from botserver_meetings.settings import MeetingsSettings
from botserver_meetings.wire import NoWire
from botstate import (
    CacheSettings,
    DatabaseSettings,
    HttpSettings,
    OutboxSettings,
    Provider,
    Service,
    Settings,
    WebhookSettings,
    cache_service,
    database_service,
    foundation,
    given,
    http_service,
    outbox_service,
    webhooks_service,
)
from botstate.testing import FakeSecrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import httpx2

    from botlib import Clock
    from botserver_meetings.testing.runner import FakeRunner
    from botstate import AppState


_TOKEN = "the admin token"
ADMIN = {"X-Admin-API-Key": _TOKEN}
#: What the service stands on, besides the foundation.
_BASIS = (database_service, cache_service, http_service, outbox_service, webhooks_service)


def create_services(
    folder: Path,
    clock: Clock,
    runner: FakeRunner,
    *,
    database: DatabaseSettings | None = None,
    admin: str = _TOKEN,
    parts: Mapping[str, object] | None = None,
    **chosen: Any,
) -> tuple[Service, ...]:
    """The service with these settings and all that it stands on, with this clock and runner; nothing sweeps.

    The database is SQLite in this folder unless another one is given; `parts` are settings of other services.
    """

    @asynccontextmanager
    async def open_context(state: AppState) -> AsyncIterator[Context]:
        yield create_context(state, NoWire())

    meetings = replace(service, provides=(given(BOT_RUNNER, runner), Provider(MEETINGS, open_context)))
    own = dict(parts or {})
    if database is not None:
        own["database"] = database
    return _below(folder, clock, admin, own, chosen), *_BASIS, meetings


def create_real_services(
    folder: Path, *, parts: Mapping[str, object] | None = None, **chosen: Any
) -> tuple[Service, ...]:
    """The same as an operator runs it, sweep and all: its bots are processes, whose marks are in `folder / "run"`."""
    return _below(folder, SystemClock(), _TOKEN, dict(parts or {}), chosen), *_BASIS, service


def _below(folder: Path, clock: Clock, admin: str, own: dict[str, object], chosen: dict[str, Any]) -> Service:
    parts = {
        "cache": CacheSettings(),
        "database": DatabaseSettings(file=folder / "test.sqlite3"),
        "http": HttpSettings(),
        "meetings": MeetingsSettings(run_folder=folder / "run", **chosen),
        "outbox": OutboxSettings(),
        "webhooks": WebhookSettings(),
        **own,
    }
    secrets = FakeSecrets({"env:ADMIN_API_TOKEN": admin} if admin else {})
    return foundation(Settings(parts), clock=clock, secrets=secrets)


@dataclass
class World:
    """A server, its parts, a client, and the keys of the users that were made here."""

    context: Context
    client: httpx2.AsyncClient
    clock: FakeClock
    runner: FakeRunner
    keys: dict[int, dict[str, str]] = field(default_factory=dict)

    async def user(self, limit: int | None = 1) -> int:
        """A new user, whose key is in `keys`."""
        body = {"email": f"user-{len(self.keys) + 1}@example.org", "max_concurrent_bots": limit}
        user = (await self.client.post("/admin/users", json=body, headers=ADMIN)).json()["id"]
        token = await self.client.post(f"/admin/users/{user}/tokens", headers=ADMIN)
        self.keys[user] = {"X-API-Key": token.json()["token"]}
        return int(user)

    async def ask(self, user: int, method: str, path: str, body: Any = None) -> httpx2.Response:
        """A request of a user."""
        return await self.client.request(method, path, json=body, headers=self.keys[user])

    async def bot(self, user: int, native_meeting_id: str = "daily", platform: str = "google_meet") -> ScriptedBot:
        """A bot that was asked for, and started by the fake runner."""
        body = {"platform": platform, "native_meeting_id": native_meeting_id}
        answer = await self.ask(user, "POST", "/bots", body)
        assert answer.status_code in {201, 202}, answer.text
        return self.bot_of(answer.json()["id"])

    def bot_of(self, meeting_id: int) -> ScriptedBot:
        """The bot that was started for this meeting."""
        name = next(it for it in self.runner.configs if it.startswith(f"vexa-bot-{meeting_id}-"))
        config = json.loads(self.runner.configs[name])
        return ScriptedBot(self, meeting_id, name, config["connectionId"], config["token"])

    async def meeting(self, user: int, meeting_id: int) -> dict[str, Any]:
        """How a meeting stands, as its user sees it."""
        listed = (await self.ask(user, "GET", "/meetings")).json()["meetings"]
        return next(it for it in listed if it["id"] == meeting_id)


@dataclass
class ScriptedBot:
    """One that does what a test says."""

    world: World
    meeting_id: int
    name: str
    connection_id: str
    token: str

    async def say(self, step: str, method: str = "POST", **body: Any) -> httpx2.Response:
        """A report to the manager."""
        return await self._send(method, f"callback/{step}", body)

    async def hear(self, segments: list[dict[str, Any]]) -> httpx2.Response:
        """Hand over pieces of a transcript."""
        return await self._send("POST", "transcription", {"segments": segments})

    async def commands(self, after: int = 0) -> list[dict[str, Any]]:
        """What the manager wants done."""
        path = f"/bots/internal/commands?connection_id={self.connection_id}&after={after}"
        listed: list[dict[str, Any]] = (await self.world.client.get(path, headers=self._headers)).json()["commands"]
        return listed

    async def join(self) -> ScriptedBot:
        """Come as far as into the meeting."""
        for step in ("started", "joined"):
            assert (await self.say(step)).status_code == 200
        return self

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> httpx2.Response:
        sent = {"connection_id": self.connection_id, **body}
        return await self.world.client.request(method, f"/bots/internal/{path}", json=sent, headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Give way to others until it is so; a failure says what was waited for."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() >= deadline:
            raise AssertionError(f"Not within {seconds:g} seconds: {what}")
        await clock.sleep(0.01)

"""Who may do what: every route with no key, a wrong one, an old one, and that of somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botserver_meetings import records, transcripts
from botserver_meetings.testing import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.testing import World

pytestmark = pytest.mark.anyio

Route = tuple[str, str, Any]
BOT: Any = {"platform": "google_meet", "native_meeting_id": "daily"}
USER_ROUTES = [
    ("POST", "/bots", BOT, 403, "Missing API token (X-API-Key header)"),
    ("GET", "/bots/status", None, 403, "Missing API token (X-API-Key header)"),
    ("PUT", "/bots/google_meet/daily/config", {"language": "fr"}, 403, "Missing API token (X-API-Key header)"),
    ("DELETE", "/bots/google_meet/daily", None, 403, "Missing API token (X-API-Key header)"),
    ("GET", "/meetings", None, 403, "Missing API token"),
    ("PATCH", "/meetings/google_meet/daily", {"data": {"name": "x"}}, 403, "Missing API token"),
    ("DELETE", "/meetings/google_meet/daily", None, 403, "Missing API token"),
    ("GET", "/transcripts/google_meet/daily", None, 403, "Missing API token"),
    ("GET", "/user/webhook", None, 401, "Missing API Key"),
    ("PUT", "/user/webhook", {"webhook_url": "https://example.org/hook"}, 401, "Missing API Key"),
]
ADMIN_ROUTES = [
    ("POST", "/admin/users", {"email": "eve@example.org"}),
    ("GET", "/admin/users", None),
    ("GET", "/admin/users/email/anna@example.org", None),
    ("GET", "/admin/users/1", None),
    ("PATCH", "/admin/users/1", {"name": "Eve"}),
    ("POST", "/admin/users/1/tokens", None),
    ("DELETE", "/admin/tokens/1", None),
    ("GET", "/admin/stats/meetings-users", None),
]
BOT_ROUTES: list[Route] = [
    ("POST", "/bots/internal/callback/started", {}),
    ("POST", "/bots/internal/callback/joined", {}),
    ("POST", "/bots/internal/callback/heartbeat", {}),
    ("PATCH", "/bots/internal/callback/status", {"status": "stopping"}),
    ("POST", "/bots/internal/callback/exited", {"exit_code": 0}),
    ("POST", "/bots/internal/callback/status_change", {"status": "starting"}),
    ("POST", "/bots/internal/transcription", {"segments": []}),
]


async def test_no_route_is_left_out(world: World) -> None:
    described = (await world.client.get("/openapi.json")).json()["paths"]
    routes = {(method.upper(), path) for path, methods in described.items() for method in methods}
    own = {it for it in routes if it[1].split("/")[1] in {"admin", "bots", "meetings", "transcripts", "user"}}
    named = {"{platform}/{native_meeting_id}": "google_meet/daily", "{user_id}": "1", "{token_id}": "1"}
    named["{email}"] = "anna@example.org"
    for word, value in named.items():
        own = {(method, path.replace(word, value)) for method, path in own}
    tested = {(method, path) for method, path, *_ in [*USER_ROUTES, *ADMIN_ROUTES, *BOT_ROUTES]}
    assert own - tested == {("GET", "/bots/internal/commands")}
    assert tested <= own


async def test_without_a_key_nothing_is_told(world: World) -> None:
    for method, path, body, code, text in USER_ROUTES:
        none = await world.client.request(method, path, json=body)
        wrong = await world.client.request(method, path, json=body, headers={"X-API-Key": "x" * 40})
        refusal = {"detail": "Invalid API Key" if code == 401 else "Invalid API token"}
        assert (path, none.status_code, none.json()) == (path, code, {"detail": text})
        assert (path, wrong.status_code, wrong.json()) == (path, 403, refusal)


async def test_only_the_admin_is_the_admin(world: World) -> None:
    anna = await world.user()
    key = world.keys[anna]["X-API-Key"]
    for method, path, body in ADMIN_ROUTES:
        for headers in ({}, world.keys[anna], {"X-Admin-API-Key": key}, {"X-Admin-API-Key": "the admin tokem"}):
            answer = await world.client.request(method, path, json=body, headers=headers)
            refusal = {"detail": "Invalid or missing admin token."}
            assert (path, answer.status_code, answer.json()) == (path, 403, refusal)


@pytest.mark.parametrize("admin", ["", " "])
async def test_without_a_configured_token_nobody_is_the_admin(
    open_world: Callable[..., AbstractAsyncContextManager[World]], admin: str
) -> None:
    async with open_world(admin=admin) as world:
        for headers in ({}, {"X-Admin-API-Key": ""}, {"X-Admin-API-Key": admin}, ADMIN):
            answer = await world.client.get("/admin/users", headers=headers)
            off = {"detail": "Admin authentication is not configured on the server."}
            assert (answer.status_code, answer.json()) == (500, off)


async def test_a_bot_speaks_for_its_own_meeting_only(world: World) -> None:
    anna = await world.user(limit=2)
    bot, other = await world.bot(anna, "daily"), await world.bot(anna, "weekly")
    before = await world.meeting(anna, bot.meeting_id)
    foreign: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": f"Bearer {other.token}"},
        {"Authorization": "Bearer x"},
        world.keys[anna],
    )

    for method, path, body in BOT_ROUTES:
        for headers in foreign:
            sent = {"connection_id": bot.connection_id, **body}
            forged = await world.client.request(method, path, json=sent, headers=headers)
            assert (path, forged.status_code, forged.json()) == (path, 403, {"detail": "Invalid bot token"})
        stranger = {**body, "connection_id": "0b8f0f53-8b1d-4f0b-8a43-b1f4d7fbb7f5"}
        unknown = await world.client.request(method, path, json=stranger)
        not_found = {"status": "error", "detail": "Meeting session not found"}
        assert (path, unknown.status_code, unknown.json()) == (path, 200, not_found)
    query = f"/bots/internal/commands?connection_id={bot.connection_id}"
    assert [(await world.client.get(query, headers=it)).status_code for it in foreign] == [403, 403, 403, 403]
    assert await world.meeting(anna, bot.meeting_id) == before


async def test_nobody_sees_or_touches_the_meeting_of_another(world: World) -> None:
    anna, eve = await world.user(), await world.user()
    bot = await (await world.bot(anna)).join()
    before = await world.meeting(anna, bot.meeting_id)

    for method, path, body, *_ in USER_ROUTES[1:]:
        answer = await world.ask(eve, method, path, body)
        assert (path, bot.name in answer.text, before["bot_container_id"] in answer.text) == (path, False, False)
        if "daily" in path:
            assert (path, answer.status_code) == (path, 404)
    assert await world.meeting(anna, bot.meeting_id) == before


async def test_the_check_for_strangers_finds_a_look_up_that_forgets_the_user(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, eve = await world.user(), await world.user()
    await world.bot(anna)
    right = records.find_meetings

    async def find_everybodys(session: AsyncSession, _user_id: int, **wanted: Any) -> Any:
        return await right(session, anna, **wanted)

    monkeypatch.setattr(transcripts, "find_meetings", find_everybodys)
    assert (await world.ask(eve, "GET", "/transcripts/google_meet/daily")).status_code == 200


async def test_a_transcript_is_not_found_by_its_number_either(world: World) -> None:
    anna, eve = await world.user(), await world.user()
    bot = await world.bot(anna)
    await world.bot(eve)
    number = f"meeting_id={bot.meeting_id}"
    assert (await world.ask(anna, "GET", f"/transcripts/google_meet/daily?{number}")).status_code == 200
    assert (await world.ask(eve, "GET", f"/transcripts/google_meet/daily?{number}")).status_code == 404


async def test_a_token_is_told_once_and_kept_as_a_hash(world: World) -> None:
    anna = await world.user()
    token = world.keys[anna]["X-API-Key"]
    assert len(token) == 40
    assert token.isalnum()

    shown = (await world.client.get(f"/admin/users/{anna}", headers=ADMIN)).json()["api_tokens"]
    assert [it["token"] for it in shown] == [token[:4] + "*" * 36]
    file = world.context.settings.run_folder.parent / "test.sqlite3"
    stored = b"".join(it.read_bytes() for it in file.parent.glob(f"{file.name}*"))
    assert token.encode() not in stored
    assert token[:4].encode() in stored  # the search finds what is there


async def test_a_revoked_token_opens_nothing(world: World) -> None:
    anna = await world.user()
    assert (await world.ask(anna, "GET", "/meetings")).status_code == 200
    number = (await world.client.get(f"/admin/users/{anna}", headers=ADMIN)).json()["api_tokens"][0]["id"]

    assert (await world.client.delete(f"/admin/tokens/{number}", headers=ADMIN)).status_code == 204

    assert (await world.ask(anna, "GET", "/meetings")).status_code == 403
    gone = await world.client.delete(f"/admin/tokens/{number}", headers=ADMIN)
    assert (gone.status_code, gone.json()) == (404, {"detail": "Token not found"})


async def test_an_expired_token_opens_nothing(open_world: Callable[..., AbstractAsyncContextManager[World]]) -> None:
    async with open_world(token_lifetime=60.0) as world:
        anna = await world.user()
        await world.clock.advance(59)
        assert (await world.ask(anna, "GET", "/meetings")).status_code == 200
        await world.clock.advance(1)
        assert (await world.ask(anna, "GET", "/meetings")).status_code == 403

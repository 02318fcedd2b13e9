"""What is wrong gets the answer of the contract, and nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from botserver_meetings.testing import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from botserver_meetings.testing import World

pytestmark = pytest.mark.anyio

GOOD: dict[str, Any] = {"platform": "google_meet", "native_meeting_id": "daily"}
JSON = {"Content-Type": "application/json"}


async def test_wishes_that_cannot_be_understood(world: World) -> None:
    anna, before = await world.user(limit=5), world.runner.starts
    wrong: list[Any] = [
        {**GOOD, "platform": "invalid_platform"},
        {"platform": "google_meet"},
        {"native_meeting_id": "daily"},
        {**GOOD, "native_meeting_id": ""},
        {**GOOD, "native_meeting_id": " "},
        {**GOOD, "native_meeting_id": "x" * 256},
        {**GOOD, "native_meeting_id": "a\0b"},
        {**GOOD, "native_meeting_id": "\ud800"},
        {**GOOD, "native_meeting_id": 5},
        {**GOOD, "native_meeting_id": ["daily"]},
        {**GOOD, "bot_name": {"a": 1}},
        {**GOOD, "bot_name": "x" * 101},
        {**GOOD, "language": "x" * 11},
        {**GOOD, "task": 1},
        [],
        "daily",
        None,
    ]
    for body in wrong:
        answer = await world.client.post("/bots", content=json.dumps(body), headers={**world.keys[anna], **JSON})
        assert (body, answer.status_code) == (body, 422)
        assert all(set(it) == {"loc", "msg", "type"} for it in answer.json()["detail"])
    for content in (b"", b"{", b"\xff\xfe", b'{"platform": NaN}'):
        answer = await world.client.post("/bots", content=content, headers={**world.keys[anna], **JSON})
        assert (content, answer.status_code) == (content, 422)
    assert (await world.ask(anna, "GET", "/meetings")).json() == {"meetings": []}
    assert world.runner.starts == before


async def test_bodies_that_are_too_large(world: World) -> None:
    anna = await world.user()
    body = json.dumps({**GOOD, "bot_name": "x" * 11_000_000})
    answer = await world.client.post("/bots", content=body, headers={**world.keys[anna], **JSON})
    assert (answer.status_code, set(answer.json())) == (413, {"detail"})
    for method, path, code in (("GET", "/bots/nothing/here", 405), ("GET", "/user/nothing", 404)):
        wrong = await world.ask(anna, method, path)
        assert (wrong.status_code, set(wrong.json())) == (code, {"detail"})
    assert (await world.ask(anna, "GET", "/meetings")).json() == {"meetings": []}


async def test_strict_ids_languages_and_tasks(open_world: Callable[..., AbstractAsyncContextManager[World]]) -> None:
    async with open_world(strict_ids=True) as world:
        anna = await world.user(limit=5)
        right = {**GOOD, "native_meeting_id": "abc-defg-hij"}
        for change in (
            {"native_meeting_id": "smoke-test-1"},
            {"language": "xx"},
            {"task": "sing"},
            {"passcode": "12345678"},
        ):
            answer = await world.ask(anna, "POST", "/bots", {**right, **change})
            assert (change, answer.status_code) == (change, 422)
            assert answer.json()["detail"][0]["loc"] == ["body", next(iter(change))]
        assert (await world.ask(anna, "POST", "/bots", {**right, "language": "fr"})).status_code == 202


async def test_paths_of_unknown_platforms(world: World) -> None:
    anna = await world.user()
    for method, path, body in (
        ("DELETE", "/bots/webex/daily", None),
        ("PUT", "/bots/webex/daily/config", {"language": "fr"}),
        ("GET", "/transcripts/webex/daily", None),
        ("PATCH", "/meetings/webex/daily", {"data": {"name": "x"}}),
        ("DELETE", "/meetings/webex/daily", None),
        ("GET", "/transcripts/google_meet/daily?meeting_id=x", None),
        ("GET", "/transcripts/google_meet/daily?meeting_id=99999999999999999999", None),
        ("GET", "/transcripts/google_meet/daily?format=pdf", None),
    ):
        answer = await world.ask(anna, method, path, body)
        assert (path, answer.status_code) == (path, 422)
        assert set(answer.json()) == {"detail"}


async def test_users_that_cannot_be(world: World) -> None:
    anna = await world.user()
    for body in (
        {},
        {"email": "anna"},
        {"email": f"{'x' * 255}@example.org"},
        {"email": "a\0@example.org"},
        {"email": "new@example.org", "data": []},
        {"email": "new@example.org", "data": {"a": "\0"}},
        {"email": "new@example.org", "name": "x" * 101},
    ):
        answer = await world.client.post("/admin/users", json=body, headers=ADMIN)
        assert (body, answer.status_code) == (body, 422)
    deep: Any = {}
    for _ in range(20):
        deep = {"deeper": deep}
    for data in (deep, {"many": [0] * 30_000}):
        answer = await world.client.patch(f"/admin/users/{anna}", json={"data": data}, headers=ADMIN)
        assert answer.status_code == 422
    endless = b'{"data": {"endless": 1e999}}'
    answer = await world.client.patch(f"/admin/users/{anna}", content=endless, headers={**ADMIN, **JSON})
    assert answer.status_code == 422
    moved = await world.client.patch(f"/admin/users/{anna}", json={"email": "eve@example.org"}, headers=ADMIN)
    assert (moved.status_code, moved.json()) == (400, {"detail": "Cannot change user email via this endpoint."})
    assert "new@example.org" not in (await world.client.get("/admin/users", headers=ADMIN)).text


async def test_users_that_are_not_there(world: World) -> None:
    missing = {"detail": "User not found"}
    for method, path, body in (
        ("GET", "/admin/users/7000", None),
        ("GET", "/admin/users/email/eve@example.org", None),
        ("PATCH", "/admin/users/7000", {"name": "Eve"}),
        ("POST", "/admin/users/7000/tokens", None),
        ("POST", f"/admin/users/{2**63 - 1}/tokens", None),
    ):
        answer = await world.client.request(method, path, json=body, headers=ADMIN)
        assert (path, answer.status_code, answer.json()) == (path, 404, missing)
    for path in ("/admin/users/x", "/admin/users/0", f"/admin/users/{2**63}", "/admin/users?limit=0"):
        assert (path, (await world.client.get(path, headers=ADMIN)).status_code) == (path, 422)


async def test_a_client_that_says_json_and_sends_nothing(world: World) -> None:
    anna = await world.user()
    token = await world.client.post(f"/admin/users/{anna}/tokens", headers={**ADMIN, **JSON})
    assert token.status_code == 201
    await world.bot(anna)
    stopped = await world.client.request("DELETE", "/bots/google_meet/daily", headers={**world.keys[anna], **JSON})
    assert stopped.status_code == 202


async def test_a_callback_for_a_finished_meeting_changes_nothing(world: World) -> None:
    anna = await world.user()
    bot = await (await world.bot(anna)).join()
    await bot.say("exited", exit_code=0)
    before = await world.meeting(anna, bot.meeting_id)
    for step, method, body in (
        ("started", "POST", {}),
        ("joined", "POST", {}),
        ("heartbeat", "POST", {"applied": 3}),
        ("status", "PATCH", {"status": "stopping"}),
        ("status", "PATCH", {"status": "active"}),
        ("exited", "POST", {"exit_code": 1}),
        ("status_change", "POST", {"status": "active"}),
    ):
        assert (step, (await bot.say(step, method, **body)).status_code) == (step, 200)
    assert await world.meeting(anna, bot.meeting_id) == before
    assert (await bot.hear([{"start": 0, "end": 1, "text": "A late word."}])).status_code == 200
    late = (await world.ask(anna, "GET", "/transcripts/google_meet/daily")).json()["segments"]
    assert [it["text"] for it in late] == ["A late word."]

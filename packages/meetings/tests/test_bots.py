"""What users do with bots, in the dialect of the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botserver_meetings.staleness import Sight
from botserver_meetings.testing import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from botserver_meetings.testing import World

pytestmark = pytest.mark.anyio

ACCEPTED = {"message": "Stop request accepted and is being processed"}
FULL = {"detail": "Maximum concurrent bots limit reached (1)"}


def wish(native_meeting_id: str = "daily", **more: Any) -> dict[str, Any]:
    return {"platform": "google_meet", "native_meeting_id": native_meeting_id, **more}


async def test_a_bot_comes_speaks_and_goes(world: World) -> None:
    anna = await world.user(limit=1)
    bot = await world.bot(anna)
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "reserved"

    await bot.join()
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "active"
    heard = [{"start": 0, "end": 1.5, "text": "Good morning.", "speaker": "Ben", "language": "en"}]
    assert (await bot.hear(heard)).json() == {"status": "transcription processed"}
    stopped = await world.ask(anna, "DELETE", "/bots/google_meet/daily")
    assert (stopped.status_code, stopped.json()) == (202, ACCEPTED)
    await bot.say("status", "PATCH", status="stopping")
    await bot.say("exited", exit_code=0, reason="stopped")

    meeting = (await world.ask(anna, "GET", "/transcripts/google_meet/daily")).json()
    assert [(it["text"], it["speaker"]) for it in meeting["segments"]] == [("Good morning.", "Ben")]
    assert meeting["status"] == "completed"
    assert [it["to"] for it in meeting["data"]["status_transition"]] == ["starting", "active", "stopping", "completed"]
    assert meeting["data"]["participants"] == ["Ben"]
    listed = (await world.ask(anna, "GET", "/bots/status")).json()
    assert listed == {"running_bots": []}


@pytest.mark.parametrize(("limit", "fits"), [(None, 1), (0, 0), (1, 1), (3, 3)])
async def test_a_limit_means_what_it_says(world: World, limit: int | None, fits: int) -> None:
    anna, before = await world.user(limit=limit), world.runner.starts
    answers = [await world.ask(anna, "POST", "/bots", wish(f"m-{number}")) for number in range(fits + 2)]

    assert [it.status_code for it in answers] == [202] * fits + [429, 429]
    assert answers[-1].json() == {"detail": f"Maximum concurrent bots limit reached ({fits})"}
    assert answers[-1].headers["Retry-After"] == "30"
    assert world.runner.starts - before == fits


async def test_a_limit_can_be_changed_but_never_be_negative(world: World) -> None:
    anna = await world.user(limit=2)
    for method, path in (("POST", "/admin/users"), ("PATCH", f"/admin/users/{anna}")):
        body = {"email": "new@example.org"} if method == "POST" else {}
        for wrong in (-1, "2", 1.5, True, 10**9):
            sent = {**body, "max_concurrent_bots": wrong}
            refused = await world.client.request(method, path, json=sent, headers=ADMIN)
            assert (wrong, refused.status_code) == (wrong, 422)
    zero = await world.client.patch(f"/admin/users/{anna}", json={"max_concurrent_bots": 0}, headers=ADMIN)
    assert zero.json()["max_concurrent_bots"] == 0
    same = await world.client.patch(f"/admin/users/{anna}", json={"max_concurrent_bots": None}, headers=ADMIN)
    assert same.json()["max_concurrent_bots"] == 0
    assert (await world.ask(anna, "POST", "/bots", wish())).status_code == 429


async def test_a_user_that_exists_takes_over_a_limit_that_is_given(world: World) -> None:
    body = {"email": "twice@example.org", "name": "Anna", "max_concurrent_bots": 5}
    first = await world.client.post("/admin/users", json=body, headers=ADMIN)
    again = await world.client.post("/admin/users", json={**body, "max_concurrent_bots": 2}, headers=ADMIN)
    silent = await world.client.post("/admin/users", json={"email": body["email"], "name": "Eve"}, headers=ADMIN)

    assert [it.status_code for it in (first, again, silent)] == [201, 200, 200]
    assert again.json() == {**first.json(), "max_concurrent_bots": 2}
    assert silent.json() == again.json()


async def test_a_bot_that_stops_leaves_its_place_to_the_next(world: World) -> None:
    anna = await world.user(limit=1)
    bot = await (await world.bot(anna, "one")).join()
    assert (await world.ask(anna, "POST", "/bots", wish("two"))).json() == FULL
    await world.ask(anna, "DELETE", "/bots/google_meet/one")
    assert (await world.ask(anna, "POST", "/bots", wish("two"))).json() == FULL  # it has not said anything yet
    await bot.say("status", "PATCH", status="stopping")
    assert (await world.ask(anna, "POST", "/bots", wish("two"))).status_code == 202


async def test_a_bot_can_be_stopped_in_every_state_that_is_no_end(world: World) -> None:
    anna = await world.user(limit=10)
    for steps in ([], ["started"], ["started", "joined"], ["started", "joined", "status"]):
        bot = await world.bot(anna)
        for step in steps:
            method = "PATCH" if step == "status" else "POST"
            await bot.say(step, method, **({"status": "stopping"} if step == "status" else {}))
        answers = [await world.ask(anna, "DELETE", "/bots/google_meet/daily") for _ in range(2 if steps else 1)]
        assert [it.status_code for it in answers] == [202] * len(answers)
        await bot.say("exited", exit_code=0)
        assert (await world.meeting(anna, bot.meeting_id))["status"] == "completed"
    gone = await world.ask(anna, "DELETE", "/bots/google_meet/daily")
    text = "No active meeting found for platform google_meet and meeting ID daily"
    assert (gone.status_code, gone.json()) == (404, {"detail": text})


async def test_a_bot_that_has_not_reported_is_ended_at_once(world: World) -> None:
    anna = await world.user()
    bot = await world.bot(anna)
    answer = await world.ask(anna, "DELETE", "/bots/google_meet/daily")
    assert (answer.status_code, answer.json()) == (202, ACCEPTED)
    meeting = await world.meeting(anna, bot.meeting_id)
    assert (meeting["status"], meeting["data"]["completion_reason"]) == ("completed", "stopped")
    assert world.runner.sights[bot.name] is Sight.EXITED
    assert (await bot.say("started")).json() == {
        "status": "callback processed",
        "meeting_id": bot.meeting_id,
        "new_status": "completed",
    }


async def test_two_bots_in_one_meeting_are_stopped_one_by_one(world: World) -> None:
    anna = await world.user(limit=2)
    bots = [await (await world.bot(anna)).join() for _ in range(2)]
    for _ in bots:
        await world.ask(anna, "DELETE", "/bots/google_meet/daily")
    told = [await bot.commands() for bot in bots]
    assert [[it["action"] for it in commands] for commands in told] == [["leave"], ["leave"]]


async def test_only_an_active_bot_is_configured(world: World) -> None:
    anna = await world.user()
    missing = "No active meeting found for platform google_meet and meeting ID daily"
    bot = await world.bot(anna)
    early = await world.ask(anna, "PUT", "/bots/google_meet/daily/config", {"language": "fr"})
    assert (early.status_code, early.json()) == (404, {"detail": missing})
    await bot.join()
    for body in ({"language": "fr", "task": "translate"}, {"language": "es"}):
        answer = await world.ask(anna, "PUT", "/bots/google_meet/daily/config", body)
        text = "Reconfiguration request accepted and sent to the bot"
        assert (answer.status_code, answer.json()) == (202, {"message": text})

    commands = await bot.commands()
    first = {"action": "reconfigure", "language": "fr", "task": "translate", "meeting_id": bot.meeting_id, "command": 1}
    assert commands == [first, {**first, "language": "es", "task": None, "command": 2}]
    assert await bot.commands(after=1) == commands[1:]


async def test_a_bot_that_cannot_be_started_has_failed_and_takes_no_place(world: World) -> None:
    anna = await world.user(limit=1)
    for fault in ("broken", "unreachable"):
        setattr(world.runner, fault, True)
        answer = await world.ask(anna, "POST", "/bots", wish())
        assert (answer.status_code, answer.json()) == (500, {"detail": "Failed to start bot container"})
        setattr(world.runner, fault, False)
    meetings = (await world.ask(anna, "GET", "/meetings")).json()["meetings"]
    assert {(it["status"], it["data"]["failure_reason"]) for it in meetings} == {("failed", "start_failed")}
    assert (await world.ask(anna, "POST", "/bots", wish())).status_code == 202


async def test_notes_stay_beside_what_the_service_knows(world: World) -> None:
    anna = await world.user()
    bot = await world.bot(anna)
    notes = {"name": "Daily", "participants": ["Anna"], "languages": ["en"], "notes": "Short.", "other": "no"}
    answer = await world.ask(anna, "PATCH", "/meetings/google_meet/daily", {"data": notes})
    assert answer.status_code == 200
    kept = answer.json()["data"]
    assert {key: kept.get(key) for key in notes} == {**notes, "other": None}
    empty = await world.ask(anna, "PATCH", "/meetings/google_meet/daily", {"data": {"other": 1}})
    assert (empty.status_code, empty.json()) == (400, {"detail": "No data provided for update."})
    await bot.say("exited", exit_code=3, reason="execution_error")
    data = (await world.meeting(anna, bot.meeting_id))["data"]
    assert (data["name"], data["participants"], data["failure_reason"]) == ("Daily", ["Anna"], "execution_error")


async def test_a_deleted_meeting_is_gone_and_so_is_its_bot(world: World) -> None:
    anna = await world.user(limit=1)
    bot = await (await world.bot(anna)).join()
    await bot.hear([{"start": 0, "end": 1, "text": "Good morning."}])
    answer = await world.ask(anna, "DELETE", "/meetings/google_meet/daily")
    text = "Meeting google_meet/daily and all its transcripts have been deleted"
    assert (answer.status_code, answer.json()) == (200, {"message": text})
    assert world.runner.sights[bot.name] is Sight.EXITED
    assert (await world.ask(anna, "GET", "/meetings")).json() == {"meetings": []}
    gone = await world.ask(anna, "GET", "/transcripts/google_meet/daily")
    text = "Meeting not found for platform google_meet and ID daily"
    assert (gone.status_code, gone.json()) == (404, {"detail": text})
    assert (await bot.say("heartbeat")).json()["detail"] == "Meeting session not found"


async def test_v06_has_a_table_of_its_own(open_world: Callable[..., AbstractAsyncContextManager[World]]) -> None:
    async with open_world(profile="v0.6", strict_ids=True) as world:
        anna = await world.user(limit=1)
        path = "/bots/google_meet/abc-defg-hij"
        first = await world.ask(anna, "POST", "/bots", wish("abc-defg-hij"))
        assert (first.status_code, first.json()["status"]) == (201, "requested")
        twin = await world.ask(anna, "POST", "/bots", wish("abc-defg-hij"))
        text = (
            "An active or requested meeting already exists for this platform and meeting ID. "
            "Platform: google_meet, Native Meeting ID: abc-defg-hij"
        )
        assert (twin.status_code, twin.json()) == (409, {"detail": text})
        full = await world.ask(anna, "POST", "/bots", wish("abc-defg-hik"))
        text = "User has reached the maximum concurrent bot limit (1)."
        assert (full.status_code, full.json()) == (403, {"detail": text})

        bot = world.bot_of(first.json()["id"])
        early = await world.ask(anna, "PUT", f"{path}/config", {"language": "fr"})
        text = "Meeting found but is not active (status: 'requested'). Cannot reconfigure."
        assert (early.status_code, early.json()) == (409, {"detail": text})
        for status in ("active", "joining", "awaiting_admission", "active", "joining"):
            await bot.say("status_change", status=status)
        meeting = await world.meeting(anna, bot.meeting_id)
        assert [it["to"] for it in meeting["data"]["status_transition"]] == ["joining", "awaiting_admission", "active"]
        busy = await world.ask(anna, "DELETE", "/meetings/google_meet/abc-defg-hij")
        assert busy.status_code == 409

        stopped = await world.ask(anna, "DELETE", path)
        text = "Stop request accepted and is being processed."
        assert (stopped.status_code, stopped.json()) == (202, {"message": text})
        assert (await world.meeting(anna, bot.meeting_id))["status"] == "stopping"
        await bot.say("status_change", status="completed", completion_reason="left_alone", exit_code=0)
        again = await world.ask(anna, "DELETE", path)
        assert (again.status_code, again.json()) == (202, {"message": "Meeting already completed."})
        assert (await world.meeting(anna, bot.meeting_id))["data"]["completion_reason"] == "left_alone"
        none = await world.ask(anna, "DELETE", "/bots/google_meet/abc-defg-hik")
        assert (none.status_code, none.json()) == (404, {"detail": "No meeting found to stop."})
        assert (await world.ask(anna, "DELETE", "/meetings/google_meet/abc-defg-hij")).status_code == 200
        assert (await world.ask(anna, "GET", "/meetings")).json() == {"meetings": []}


async def test_v06_ends_a_bot_that_is_not_active_at_once(
    open_world: Callable[..., AbstractAsyncContextManager[World]],
) -> None:
    async with open_world(profile="v0.6") as world:
        anna = await world.user(limit=5)
        for steps in ([], ["joining"], ["joining", "awaiting_admission"]):
            bot = await world.bot(anna)
            for step in steps:
                await bot.say("status_change", status=step)
            answer = await world.ask(anna, "DELETE", "/bots/google_meet/daily")
            text = "Stop request accepted; meeting finalized immediately (pre-active)."
            assert (answer.status_code, answer.json()) == (202, {"message": text})
            assert (await world.meeting(anna, bot.meeting_id))["status"] == "completed"

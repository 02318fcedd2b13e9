"""Whatever bots, impostors, users and the clock do in whatever order: no row goes a step that its table has not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from botserver_meetings import records
from botserver_meetings.profiles import PROFILES
from botserver_meetings.states import Status, is_legal_history
from botserver_meetings.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from botserver_meetings.testing import ScriptedBot, World

pytestmark = pytest.mark.anyio

STATUSES = ("reserved", "requested", "starting", "joining", "awaiting_admission", "active", "stopping", "completed")


async def do_anything(world: World, user: int, bots: list[ScriptedBot], chance: random.Random) -> None:
    """One step of anybody; bots repeat themselves and speak out of turn, and some are not who they say."""
    bot = chance.choice(bots)
    kind = chance.randrange(10)
    if kind < 5:
        step = chance.choice(("started", "joined", "heartbeat", "exited", "status", "status_change"))
        method = "PATCH" if step == "status" else "POST"
        body: dict[str, Any] = {"status": chance.choice((*STATUSES, "nonsense"))} if "status" in step else {}
        if step == "exited":
            body = {"exit_code": chance.choice((0, 0, 1))}
        token, bot.token = bot.token, chance.choice((bot.token, bot.token, bot.token, "x" * 40, ""))
        answer = await bot.say(step, method, **body)
        assert answer.status_code == (200 if bot.token == token else 403)
        bot.token = token
    elif kind == 5:
        await world.ask(user, "DELETE", f"/bots/google_meet/{chance.choice(('daily', 'weekly', 'monthly'))}")
    elif kind == 6:
        await world.ask(user, "PUT", "/bots/google_meet/daily/config", {"language": "fr"})
    elif kind == 7:
        await bot.hear([{"start": chance.randrange(9), "end": 10, "text": "Good morning."}])
    elif kind == 8:
        await world.clock.advance(chance.choice((1, 20, 90)))
        await sweep(world.context, 1e9)
    else:
        await world.ask(user, "PATCH", "/meetings/google_meet/daily", {"data": {"name": "x"}})


async def compare(world: World, user: int, seen: dict[int, list[Any]]) -> list[str]:
    """What is wrong with the user's rows now, also in comparison with how they were `seen` before."""
    profile, found = world.context.profile, []
    stored = {profile.name_of(it): it.value for it in Status}
    for meeting in (await world.ask(user, "GET", "/meetings")).json()["meetings"]:
        raw = meeting["data"]["status_transition"]
        history = [{**it, "from": stored[it["from"]], "to": stored[it["to"]]} for it in raw]
        now = history[-1]["to"] if history else "reserved"
        if not is_legal_history(profile.table, history) or now != stored[meeting["status"]]:
            found.append(f"{meeting['status']}: {history}")
        before = seen.get(meeting["id"], [])
        if raw[: len(before)] != before:
            found.append(f"meeting {meeting['id']} has lost its history")
        seen[meeting["id"]] = raw
    return found


async def find_illegal(world: World, runs: int, steps: int, seed: int) -> list[str]:
    """Rows that went a step that the table does not have, lost one, or came back from the end."""
    chance = random.Random(seed)
    found: list[str] = []
    for _ in range(runs):
        user = await world.user(limit=3)
        bots = [await world.bot(user, name) for name in ("daily", "weekly", "monthly")]
        seen: dict[int, list[Any]] = {}
        for number in range(steps):
            await do_anything(world, user, bots, chance)
            if number % 10 == 9:
                found += await compare(world, user, seen)
    return found


@pytest.mark.parametrize("profile", PROFILES)
async def test_only_legal_steps(
    open_world: Callable[..., AbstractAsyncContextManager[World]], profile: str, rounds: Callable[[int, int], int]
) -> None:
    async with open_world(profile=profile) as world:
        assert await find_illegal(world, rounds(3, 1000), 50, seed=7) == []


async def test_the_check_finds_a_table_that_allows_everything(
    open_world: Callable[..., AbstractAsyncContextManager[World]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "may_follow", lambda _table, current, _target, _cause: current != "completed")
    async with open_world() as world:
        try:
            found = await find_illegal(world, 6, 50, seed=7)
        except Exception as error:  # noqa: BLE001 - the database itself refuses the worst of it
            found = [str(error)]
    assert found

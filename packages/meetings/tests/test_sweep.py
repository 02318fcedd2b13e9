"""What nobody else looks after: dead bots, owed starts, processes that should not be there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from botserver_meetings import records
from botserver_meetings import sweep as module
from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.reservation import Wish, reserve
from botserver_meetings.staleness import Sight
from botserver_meetings.states import Status
from botserver_meetings.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.context import Context
    from botserver_meetings.records import Meeting
    from botserver_meetings.testing import World

pytestmark = pytest.mark.anyio

ALWAYS = 1e9  # seconds that the server could be reached


@pytest.fixture
async def world(open_world: Callable[..., AbstractAsyncContextManager[World]]) -> AsyncIterator[World]:
    """One for each test: a sweep looks at the bots of everybody."""
    async with open_world() as opened:
        yield opened


def wish(native_meeting_id: str = "daily") -> Wish:
    name = MeetingName(Platform.GOOGLE_MEET, native_meeting_id)
    return Wish(name, "VexaBot-1", "en", "transcribe", "http://server")


async def reserve_only(context: Context, user: int) -> Meeting:
    """A manager that is ended between the reservation and the start."""
    return (await reserve(context, user, wish())).meeting


async def test_who_is_silent_for_too_long_has_failed(world: World) -> None:
    anna = await world.user(limit=10)
    bots = [await world.bot(anna) for _ in range(4)]
    for steps, bot in zip(([], ["started"], ["started", "joined"], ["started", "joined", "stop"]), bots, strict=True):
        for step in steps:
            await (bot.say("status", "PATCH", status="stopping") if step == "stop" else bot.say(step))
    world.runner.sights.clear()  # nothing is known of any process

    ended: dict[int, dict[str, Any]] = {}
    for seconds in (110, 20, 180, 300):
        await world.clock.advance(seconds)
        await sweep(world.context, ALWAYS)
        for bot in bots:
            meeting = await world.meeting(anna, bot.meeting_id)
            if meeting["status"] == "failed":
                ended.setdefault(bot.meeting_id, meeting["data"])
    reasons = [ended[bot.meeting_id]["failure_reason"] for bot in bots]
    assert reasons == [f"stale_{it}_timeout" for it in ("reserved", "starting", "active", "stopping")]
    assert [ended[bot.meeting_id]["failure_stage"] for bot in bots] == ["reserved", "starting", "active", "stopping"]


async def test_signs_of_life_keep_a_bot_alive_and_notes_do_not(world: World) -> None:
    anna = await world.user(limit=2)
    alive, dead = [await (await world.bot(anna, name)).join() for name in ("alive", "dead")]
    for _ in range(5):
        await world.clock.advance(60)
        await alive.say("heartbeat")
        await world.ask(anna, "PATCH", "/meetings/google_meet/dead", {"data": {"name": "still here"}})
        await sweep(world.context, ALWAYS)
    assert (await world.meeting(anna, alive.meeting_id))["status"] == "active"
    assert (await world.meeting(anna, dead.meeting_id))["status"] == "failed"
    assert world.runner.sights[dead.name] is Sight.EXITED if dead.name in world.runner.sights else True


async def test_silence_that_nobody_could_hear_does_not_count(world: World) -> None:
    anna = await world.user()
    bot = await (await world.bot(anna)).join()
    await world.clock.advance(3600)  # the server was down
    await sweep(world.context, watched=60)
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "active"
    await sweep(world.context, watched=121)
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "failed"


async def test_a_runner_that_cannot_be_reached_kills_nobody(world: World) -> None:
    anna = await world.user()
    bot = await (await world.bot(anna)).join()
    world.runner.unreachable = True
    await world.clock.advance(60)
    with pytest.raises(Exception, match="cannot be reached"):
        await sweep(world.context, ALWAYS)
    world.runner.unreachable = False
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "active"


async def test_a_bot_that_crashed_is_seen_before_its_silence(world: World) -> None:
    anna = await world.user()
    bot = await (await world.bot(anna)).join()
    world.runner.sights[bot.name] = Sight.EXITED
    await sweep(world.context, ALWAYS)
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "active"  # its last word may be on its way
    await world.clock.advance(10)
    await sweep(world.context, ALWAYS)
    assert (await world.meeting(anna, bot.meeting_id))["data"]["failure_reason"] == "process_exited"


async def test_a_bot_that_does_not_leave_is_ended(world: World) -> None:
    anna = await world.user()
    bot = await (await world.bot(anna)).join()
    await world.ask(anna, "DELETE", "/bots/google_meet/daily")
    await world.clock.advance(31)
    await bot.say("heartbeat")
    await sweep(world.context, ALWAYS)
    meeting = await world.meeting(anna, bot.meeting_id)
    assert (meeting["status"], meeting["data"]["completion_reason"]) == ("completed", "stopped")
    assert bot.name not in world.runner.sights or world.runner.sights[bot.name] is Sight.EXITED


async def test_a_start_that_is_owed_is_made_once_and_shuts_the_first_bot_out(world: World) -> None:
    anna = await world.user()
    before = world.runner.starts
    reservation = await reserve(world.context, anna, wish())
    await sweep(world.context, ALWAYS)
    assert world.runner.starts == before  # whoever reserved it may still be at it

    await world.clock.advance(31)
    await asyncio.gather(*(sweep(world.context, ALWAYS) for _ in range(3)))

    assert world.runner.starts == before + 1
    bot = world.bot_of(reservation.meeting.id)
    assert bot.connection_id != reservation.credentials.connection_id
    late = {"connection_id": reservation.credentials.connection_id}
    answer = await world.client.post("/bots/internal/callback/started", json=late)
    assert answer.json() == {"status": "error", "detail": "Meeting session not found"}
    await bot.join()
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "active"


async def test_without_the_debt_in_the_row_a_place_stays_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await world.user(limit=1)
    meeting = await reserve_only(world.context, anna)
    monkeypatch.setattr(module, "_owes_start", lambda *_: False)
    await world.clock.advance(31)
    await sweep(world.context, ALWAYS)
    assert (await world.meeting(anna, meeting.id))["status"] == "reserved"
    full = {"platform": "zoom", "native_meeting_id": "other"}
    assert (await world.ask(anna, "POST", "/bots", full)).status_code == 429


async def test_a_start_that_was_made_and_not_noted_is_not_made_again(world: World) -> None:
    anna = await world.user()
    meeting = await reserve_only(world.context, anna)
    await world.runner.start(meeting.container_name, "{}")
    before = world.runner.starts
    await world.clock.advance(31)
    for _ in range(2):
        await sweep(world.context, ALWAYS)
    assert world.runner.starts == before
    assert (await world.meeting(anna, meeting.id))["status"] == "reserved"


async def test_a_start_that_never_comes_gives_the_place_back(world: World) -> None:
    anna = await world.user(limit=1)
    meeting = await reserve_only(world.context, anna)
    world.runner.broken = True
    await world.clock.advance(31)
    await sweep(world.context, ALWAYS)
    world.runner.broken = False
    assert (await world.meeting(anna, meeting.id))["data"]["failure_reason"] == "start_failed"
    await world.bot(anna)  # there is room


async def test_a_process_without_an_open_meeting_is_ended_and_forgotten(world: World) -> None:
    anna = await world.user(limit=2)
    bot, gone = await world.bot(anna, "one"), await world.bot(anna, "two")
    await world.runner.start("vexa-bot-999-00000000", "{}")
    await gone.say("exited", exit_code=0)
    await sweep(world.context, ALWAYS)
    assert world.runner.sights == {bot.name: Sight.RUNNING}


async def test_without_the_end_of_processes_a_bot_stays_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave_alone(_context: Context) -> None: ...

    monkeypatch.setattr(module, "_reap", leave_alone)
    anna = await world.user()
    bot = await world.bot(anna)
    await bot.say("exited", exit_code=0)
    await sweep(world.context, ALWAYS)
    assert world.runner.sights == {bot.name: Sight.RUNNING}


async def give_up_many(world: World, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Three managers find the same dead bots in the same moment. How many ends are told."""
    anna = await world.user(limit=count)
    bots = [await (await world.bot(anna, f"m-{number}")).join() for number in range(count)]
    told: list[int] = []

    async def count_ends(_context: Context, moved: Any) -> None:
        if moved is not None:
            told.append(moved.meeting.id)

    async def look_after_together(*seen: Any) -> None:
        if asyncio.current_task() not in started:
            started.add(asyncio.current_task())
            await all_have_read.wait()
        await right(*seen)

    right, started, all_have_read = module._look_after, set[Any](), asyncio.Barrier(3)
    monkeypatch.setattr(module, "_look_after", look_after_together)
    monkeypatch.setattr(module, "announce", count_ends)
    await world.clock.advance(121)
    await asyncio.gather(*(sweep(world.context, ALWAYS) for _ in range(3)))
    for bot in bots:
        history = (await world.meeting(anna, bot.meeting_id))["data"]["status_transition"]
        assert history[-1]["to"] == "failed"
    return len(told)


async def test_three_managers_end_each_dead_bot_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await give_up_many(world, 40, monkeypatch) == 40


async def test_the_count_finds_managers_that_do_not_look_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lock_blindly(session: AsyncSession, meeting_id: int) -> Meeting | None:
        found = await right(session, meeting_id)
        return found if found is None else replace(found, status=Status.ACTIVE)

    right = records.lock_meeting
    monkeypatch.setattr(module, "lock_meeting", lock_blindly)
    assert await give_up_many(world, 4, monkeypatch) > 4


async def statuses_without_sight(world: World, count: int) -> tuple[set[str], set[str]]:
    """How bots that speak and bots that are silent stand after three sweeps that see none of their processes."""
    anna = await world.user(limit=2 * count)
    alive = [await (await world.bot(anna, f"alive-{number}")).join() for number in range(count)]
    dead = [await (await world.bot(anna, f"dead-{number}")).join() for number in range(count)]
    world.runner.sights.clear()
    for _ in range(3):
        await world.clock.advance(61)
        for bot in alive[::2]:
            await bot.say("heartbeat")
        await sweep(world.context, ALWAYS)
        for bot in alive[1::2]:
            await bot.say("heartbeat")
    statuses = {it["id"]: it["status"] for it in (await world.ask(anna, "GET", "/meetings")).json()["meetings"]}
    return {statuses[bot.meeting_id] for bot in alive}, {statuses[bot.meeting_id] for bot in dead}


async def test_a_sweep_tells_the_living_from_the_dead(world: World, rounds: Callable[[int, int], int]) -> None:
    assert await statuses_without_sight(world, rounds(10, 200)) == ({"active"}, {"failed"})


async def test_the_check_finds_a_sweep_that_takes_the_unseen_for_dead(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def conclude(_context: Context, _meeting: Meeting) -> Sight:
        return Sight.EXITED

    monkeypatch.setattr(module, "_look", conclude)
    alive, _ = await statuses_without_sight(world, 2)
    assert "failed" in alive

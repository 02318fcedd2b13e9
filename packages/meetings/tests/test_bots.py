from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from botserver_meetings.testing import World

pytestmark = pytest.mark.anyio


async def test_a_bot_comes_speaks_and_goes(world: World) -> None:
    anna = await world.user(limit=1)
    bot = await world.bot(anna)
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "reserved"

    await bot.join()
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "active"
    heard = [{"start": 0, "end": 1.5, "text": "Good morning.", "speaker": "Ben", "language": "en"}]
    told = await world.client.post(
        "/bots/internal/transcription",
        json={"connection_id": bot.connection_id, "segments": heard},
        headers={"Authorization": f"Bearer {bot.token}"},
    )
    assert told.json() == {"status": "transcription processed"}
    stopped = await world.ask(anna, "DELETE", "/bots/google_meet/daily")
    assert (stopped.status_code, stopped.json()) == (202, {"message": "Stop request accepted and is being processed"})
    await bot.say("status", "PATCH", status="stopping")
    await bot.say("exited", exit_code=0, reason="stopped")

    meeting = (await world.ask(anna, "GET", "/transcripts/google_meet/daily")).json()
    assert [(it["text"], it["speaker"]) for it in meeting["segments"]] == [("Good morning.", "Ben")]
    assert meeting["status"] == "completed"
    assert [it["to"] for it in meeting["data"]["status_transition"]] == ["starting", "active", "stopping", "completed"]
    assert meeting["data"]["participants"] == ["Ben"]

"""What a bot is told when it starts: one JSON value in its environment, named BOT_CONFIG (contract, section 5.6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botserver_meetings.platforms import Platform

VARIABLE = "BOT_CONFIG"
#: What a bot transcribes when nobody says otherwise.
DEFAULT_LANGUAGE = "en"
DEFAULT_TASK = "transcribe"
TASKS = ("transcribe", "translate")


@dataclass(frozen=True)
class Alone:
    """Milliseconds until a bot leaves by itself: not let in, nobody came, everybody left."""

    waiting_room: int = 300_000
    no_one_joined: int = 120_000
    everyone_left: int = 60_000


@dataclass(frozen=True)
class BotConfig:
    """A bot before it starts. `token` is what its callbacks prove themselves with; it is in no log and in no table."""

    meeting_id: int
    platform: Platform
    native_meeting_id: str
    meeting_url: str | None
    bot_name: str
    token: str
    connection_id: str
    container_name: str
    base_url: str
    callback: str = "exited"
    language: str = DEFAULT_LANGUAGE
    task: str = DEFAULT_TASK
    passcode: str | None = None
    redis_url: str | None = None
    alone: Alone = Alone()

    def to_json(self) -> str:
        """The value of the variable."""
        internal = f"{self.base_url}/bots/internal"
        value: dict[str, Any] = {
            "meeting_id": self.meeting_id,
            "platform": self.platform.value,
            "meetingUrl": self.meeting_url,
            "passcode": self.passcode,
            "botName": self.bot_name,
            "token": self.token,
            "nativeMeetingId": self.native_meeting_id,
            "connectionId": self.connection_id,
            "language": self.language,
            "task": self.task,
            "redisUrl": self.redis_url,
            "container_name": self.container_name,
            "automaticLeave": {
                "waitingRoomTimeout": self.alone.waiting_room,
                "noOneJoinedTimeout": self.alone.no_one_joined,
                "everyoneLeftTimeout": self.alone.everyone_left,
            },
            "botManagerCallbackUrl": f"{internal}/callback/{self.callback}",
            "botManagerStartedCallbackUrl": f"{internal}/callback/started",
        }
        return json.dumps(value)

"""What clients send, as pydantic checks it. Further fields are left out of account, as other servers of this API do."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StrictInt

from botserver_meetings.limits import LARGEST_LIMIT
from botserver_meetings.platforms import Platform

_DEEPEST = 8
_LARGEST = 20_000  # values in one object


def _refuse_unstorable(text: str) -> str:
    # No database keeps a zero byte, and a half of a surrogate pair is no text.
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds a character that cannot be stored")
    return text


def _refuse_unstorable_object(value: dict[str, Any]) -> dict[str, Any]:
    budget = [_LARGEST]
    _check(value, _DEEPEST, budget)
    return value


def _check(value: Any, depth: int, budget: list[int]) -> None:
    budget[0] -= 1
    if depth < 0 or budget[0] < 0:
        raise ValueError("is too deep or too large")
    if isinstance(value, str):
        _refuse_unstorable(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable(key)
            _check(inner, depth - 1, budget)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth - 1, budget)


Words = Annotated[str, AfterValidator(_refuse_unstorable)]
Short = Annotated[Words, Field(max_length=255)]
Name = Annotated[Words, Field(max_length=100)]
Document = Annotated[dict[str, Any], AfterValidator(_refuse_unstorable_object)]
Limit = Annotated[StrictInt, Field(ge=0, le=LARGEST_LIMIT)]


class BotWish(BaseModel):
    """POST /bots."""

    platform: Platform
    native_meeting_id: Annotated[Words, Field(min_length=1, max_length=255)]
    bot_name: Name | None = None
    language: Annotated[Words, Field(max_length=10)] | None = None
    task: Annotated[Words, Field(max_length=20)] | None = None
    passcode: Short | None = None


class BotSettings(BaseModel):
    """PUT /bots/{platform}/{native_meeting_id}/config."""

    language: Annotated[Words, Field(max_length=10)] | None = None
    task: Annotated[Words, Field(max_length=20)] | None = None


class MeetingData(BaseModel):
    """What a user may write into the data of a meeting; everything else is left out."""

    name: Annotated[Words, Field(max_length=1000)] | None = None
    participants: Annotated[list[Short], Field(max_length=1000)] | None = None
    languages: Annotated[list[Short], Field(max_length=100)] | None = None
    notes: Annotated[Words, Field(max_length=100_000)] | None = None


class MeetingUpdate(BaseModel):
    """PATCH /meetings/{platform}/{native_meeting_id}."""

    data: MeetingData


class Webhook(BaseModel):
    """PUT /user/webhook."""

    webhook_url: Annotated[Words, Field(min_length=1, max_length=2048)]


class NewUser(BaseModel):
    """POST /admin/users. A limit that is not given is 1 for a new user, and stays as it is for an existing one."""

    email: Annotated[Words, Field(max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")]
    name: Name | None = None
    image_url: Annotated[Words, Field(max_length=2048)] | None = None
    max_concurrent_bots: Limit | None = None
    data: Document = Field(default_factory=dict)


class UserUpdate(BaseModel):
    """PATCH /admin/users/{id}. What is not given, or null, stays; `email` is refused."""

    email: Words | None = None
    name: Name | None = None
    image_url: Annotated[Words, Field(max_length=2048)] | None = None
    max_concurrent_bots: Limit | None = None
    data: Document | None = None


class Callback(BaseModel):
    """What every report of a bot has. A bot that sends no `Authorization` may put its token here."""

    connection_id: Short
    token: Short = ""


class Started(Callback):
    """POST …/started and …/joined; what else they hold is not needed."""


class Heartbeat(Callback):
    """POST …/heartbeat. `applied` is the number of the last command that was carried out."""

    applied: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] | None = None


class StatusReport(Callback):
    """PATCH …/status."""

    status: Short


class Exited(Callback):
    """POST …/exited."""

    exit_code: Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)]
    reason: Short | None = "self_initiated_leave"


class StatusChange(Callback):
    """POST …/status_change, the one report of v0.6."""

    status: Short
    reason: Short | None = None
    exit_code: Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    error_details: Any = None
    platform_specific_error: Any = None
    completion_reason: Short | None = None
    failure_stage: Short | None = None


class Heard(Callback):
    """POST /bots/internal/transcription: pieces of a transcript as bots send them."""

    segments: Annotated[list[Any], Field(max_length=500)]

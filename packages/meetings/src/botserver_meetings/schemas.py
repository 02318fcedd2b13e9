"""The answers of the API, for its description and for nothing else: `views` makes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class DetailView(BaseModel):
    """An error in a sentence."""

    detail: str


class FieldView(BaseModel):
    """One value that was refused, where it stands, and why."""

    loc: list[str | int]
    msg: str
    type: str


class FieldsView(BaseModel):
    """A request that does not have the form that is asked for."""

    detail: list[FieldView]


class MessageView(BaseModel):
    """A sentence for the client's user."""

    message: str


class MeetingView(BaseModel):
    """A meeting with its bot. Times are in UTC without an offset."""

    id: int
    user_id: int
    platform: str
    native_meeting_id: str
    constructed_meeting_url: str | None
    status: str
    bot_container_id: str | None
    start_time: str | None
    end_time: str | None
    data: dict[str, Any]
    created_at: str
    updated_at: str


class MeetingsView(BaseModel):
    """All meetings of the user, newest first."""

    meetings: list[MeetingView]


class SegmentView(BaseModel):
    """A piece of a transcript."""

    start: float
    end: float
    text: str
    language: str | None
    created_at: str | None
    speaker: str | None
    absolute_start_time: str
    absolute_end_time: str
    completed: bool


class TranscriptView(MeetingView):
    """A meeting with what was said in it, in order."""

    segments: list[SegmentView]


class RunningBotView(BaseModel):
    """A bot that is not over."""

    container_id: str
    container_name: str
    platform: str
    native_meeting_id: str
    status: str
    created_at: str
    labels: dict[str, str]
    meeting_id_from_name: str
    meeting_id: int
    meeting_status: str


class RunningBotsView(BaseModel):
    """All of the user's."""

    running_bots: list[RunningBotView]


class UserView(BaseModel):
    """A user."""

    id: int
    email: str
    name: str | None
    image_url: str | None
    max_concurrent_bots: int
    data: dict[str, Any]
    created_at: str


class TokenView(BaseModel):
    """A token: whole in the answer to its creation, else masked."""

    id: int
    user_id: int
    token: str
    created_at: str
    expires_at: str | None


class UserDetailView(UserView):
    """A user with masked tokens."""

    api_tokens: list[TokenView]


class WebhookUserView(UserView):
    """A user; the secret that signs webhooks is told when the address is new."""

    webhook_secret: str | None = None


class AttemptView(BaseModel):
    """One try to deliver a notice."""

    at: str
    outcome: str
    detail: str
    next: str | None


class NoticeView(BaseModel):
    """What was sent, or is to be."""

    id: str
    state: str
    created_at: str
    attempts: list[AttemptView]


class WebhookView(BaseModel):
    """Where a user is told, and how that goes. `disabled` is the reason why nothing is sent any more."""

    webhook_url: str | None
    failures: int
    disabled: str
    notices: list[NoticeView]


class UsageView(UserView):
    """A user with the number of meetings."""

    meetings: int
    meetings_by_status: dict[str, int]


class StatsView(BaseModel):
    """How many users there are, and some of them."""

    total: int
    items: list[UsageView]


class CallbackView(BaseModel):
    """What a bot is told about its report."""

    status: str
    detail: str | None = None
    meeting_id: int | None = None
    new_status: str | None = None
    final_status: str | None = None


class CommandView(BaseModel):
    """What a bot is to do, once a number."""

    action: str
    meeting_id: int
    command: int
    language: str | None = None
    task: str | None = None


class CommandsView(BaseModel):
    """What a bot has not done yet. `over` tells it to leave: it speaks for no meeting any more."""

    commands: list[CommandView]
    over: bool

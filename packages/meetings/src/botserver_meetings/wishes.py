"""What a user asks for, checked and completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_meetings.botconfig import DEFAULT_LANGUAGE, DEFAULT_TASK, TASKS
from botserver_meetings.errors import MalformedError
from botserver_meetings.languages import LANGUAGES
from botserver_meetings.platforms import MeetingName, complaint_about_id, complaint_about_passcode
from botserver_meetings.reservation import Wish

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from botserver_meetings.bodies import BotWish
    from botserver_meetings.context import Context


def read_wish(context: Context, request: HTTPConnection, body: BotWish) -> Wish:
    """The wish in what a user has sent, or `MalformedError` with the field that is wrong."""
    strict = context.settings.strict_ids
    _complain("native_meeting_id", complaint_about_id(body.platform, body.native_meeting_id, strict=strict))
    if strict and body.passcode:
        _complain("passcode", complaint_about_passcode(body.platform, body.passcode))
    check_settings(context, body.language, body.task)
    return Wish(
        name=MeetingName(body.platform, body.native_meeting_id),
        bot_name=body.bot_name or f"VexaBot-{context.randomness.random_bytes(3).hex()}",
        language=body.language or DEFAULT_LANGUAGE,
        task=body.task or DEFAULT_TASK,
        base_url=context.settings.base_url.rstrip("/") or _own_address(request),
        passcode=body.passcode or None,
    )


def check_settings(context: Context, language: str | None, task: str | None) -> None:
    """`MalformedError` for a language or a task that nobody knows, where the operator wants that told."""
    if not context.settings.strict_ids:
        return
    if language and language not in LANGUAGES:
        _complain("language", "This language is not known.")
    if task and task not in TASKS:
        _complain("task", f"A task is one of {', '.join(TASKS)}.")


def _complain(where: str, complaint: str) -> None:
    if complaint:
        raise MalformedError(where, complaint)


def _own_address(request: HTTPConnection) -> str:
    # Where this server listens, not what the caller calls it: a bot takes its token there.
    host, port = request.scope.get("server") or ("127.0.0.1", 8000)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

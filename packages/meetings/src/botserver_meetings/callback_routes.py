"""Routes of bots: reports, signs of life, commands, and what they have heard."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from botserver_meetings.authentication import BotToken
from botserver_meetings.bodies import Callback, Exited, Heard, Heartbeat, Started, StatusChange, StatusReport
from botserver_meetings.callbacks import Answer, Outcome, Report, take_heartbeat, take_report
from botserver_meetings.commands import wait_for_commands
from botserver_meetings.context import Context
from botserver_meetings.credentials import Credentials
from botserver_meetings.schemas import CallbackView, CommandsView, DetailView, FieldsView
from botserver_meetings.segments import read_segments
from botserver_meetings.states import TERMINAL, Status
from botserver_meetings.transcripts import take_segments

_DENIED: dict[int | str, dict[str, Any]] = {403: {"model": DetailView}, 422: {"model": FieldsView}}
_ROOT = "/bots/internal"

Connection = Annotated[str, Query(max_length=255)]
After = Annotated[int, Query(ge=0, le=2**31 - 1)]
Wait = Annotated[float, Query(ge=0, le=60)]


def add_callback_routes(router: APIRouter, context: Context) -> None:
    """All below /bots/internal."""
    _add_reports(router, context)
    _add_status_change(router, context)
    _add_exchange(router, context)


def _add_reports(router: APIRouter, context: Context) -> None:
    @router.post(f"{_ROOT}/callback/started", response_model=CallbackView, responses=_DENIED)
    async def started(token: BotToken, body: Started) -> Response:
        return await _report(body, token, Status.STARTING)

    @router.post(f"{_ROOT}/callback/joined", response_model=CallbackView, responses=_DENIED)
    async def joined(token: BotToken, body: Started) -> Response:
        return await _report(body, token, Status.ACTIVE)

    @router.post(f"{_ROOT}/callback/heartbeat", response_model=CallbackView, responses=_DENIED)
    async def heartbeat(token: BotToken, body: Heartbeat) -> Response:
        answer = await take_heartbeat(context, _credentials(body, token), body.applied)
        if answer.meeting is None:
            return _unknown()
        return JSONResponse({"status": "heartbeat processed", "meeting_id": answer.meeting.id})

    @router.patch(f"{_ROOT}/callback/status", response_model=CallbackView, responses=_DENIED)
    async def status(token: BotToken, body: StatusReport) -> Response:
        target = context.profile.status_of(body.status)
        if target is not Status.STOPPING:  # all other steps have reports of their own
            answer = await take_heartbeat(context, _credentials(body, token))
        else:
            answer = await take_report(context, Report(_credentials(body, token), target))
        return _told(answer, "status update processed", "new_status")

    @router.post(f"{_ROOT}/callback/exited", response_model=CallbackView, responses=_DENIED)
    async def exited(token: BotToken, body: Exited) -> Response:
        reason = body.reason or "self_initiated_leave"
        details: dict[str, Any] = {"exit_code": body.exit_code}
        if body.exit_code == 0:
            target = Status.COMPLETED
            details["completion_reason"] = reason
        else:
            target = Status.FAILED
            details["failure_reason"] = reason
        answer = await take_report(context, Report(_credentials(body, token), target, reason, details))
        return _told(answer, "callback processed", "final_status")

    async def _report(body: Callback, token: str, target: Status) -> Response:
        answer = await take_report(context, Report(_credentials(body, token), target))
        return _told(answer, "callback processed", "new_status")

    def _told(answer: Answer, text: str, field: str) -> Response:
        return _answer(context, answer, text, field)


def _add_status_change(router: APIRouter, context: Context) -> None:
    @router.post(f"{_ROOT}/callback/status_change", response_model=CallbackView, responses=_DENIED)
    async def status_change(token: BotToken, body: StatusChange) -> Response:
        target = context.profile.status_of(body.status)
        credentials = _credentials(body, token)
        if target is None:
            answer = await take_heartbeat(context, credentials)
        else:
            details = _details(body, target)
            answer = await take_report(context, Report(credentials, target, body.reason or "", details))
        return _answer(context, answer, "callback processed", "new_status")


def _add_exchange(router: APIRouter, context: Context) -> None:
    @router.get(f"{_ROOT}/commands", response_model=CommandsView, responses=_DENIED)
    async def commands(token: BotToken, connection_id: Connection, after: After = 0, wait: Wait = 0) -> Response:
        found = await wait_for_commands(context, Credentials(connection_id, token), after, wait)
        listed = [it.to_json() for it in found or ()]
        return JSONResponse({"commands": listed, "over": found is None})

    @router.post(f"{_ROOT}/transcription", response_model=CallbackView, responses=_DENIED)
    async def transcription(token: BotToken, body: Heard) -> Response:
        kept = await take_segments(context, _credentials(body, token), read_segments(body.segments))
        return _unknown() if kept is None else JSONResponse({"status": "transcription processed"})


def _credentials(body: Callback, token: str) -> Credentials:
    return Credentials(body.connection_id, token or body.token)


def _answer(context: Context, answer: Answer, text: str, field: str) -> Response:
    if answer.outcome is Outcome.NOT_FOUND or answer.meeting is None:
        return _unknown()
    name = context.profile.name_of(answer.meeting.status)
    return JSONResponse({"status": text, "meeting_id": answer.meeting.id, field: name})


def _unknown() -> Response:
    # 200, as the contract has it: a bot that is told this has nothing to repeat.
    return JSONResponse({"status": "error", "detail": "Meeting session not found"})


def _details(body: StatusChange, target: Status) -> dict[str, Any]:
    if target not in TERMINAL:
        return {}
    sent = body.model_dump(include={"exit_code", "completion_reason", "failure_stage"}, exclude_none=True)
    texts = {"error_details": body.error_details, "platform_specific_error": body.platform_specific_error}
    sent.update({key: str(value)[:2000] for key, value in texts.items() if value is not None})
    if target is Status.COMPLETED:
        sent.setdefault("completion_reason", body.reason or "stopped")
    else:
        sent.setdefault("failure_reason", body.reason or "unknown")
    return sent

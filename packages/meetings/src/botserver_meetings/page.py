"""The page for people: their bots, live, with what was said. It works without scripts too."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from botlib import BotError
from botserver_core import Event, read_form, render_page, stream_events
from botserver_meetings.accounts import User, find_owner, forget_token, issue_token
from botserver_meetings.bodies import BotSettings, BotWish
from botserver_meetings.commands import reconfigure, stop
from botserver_meetings.context import Context
from botserver_meetings.events import user_channel
from botserver_meetings.launching import launch
from botserver_meetings.meetings import list_meetings
from botserver_meetings.platforms import MeetingName, Platform
from botserver_meetings.records import Meeting
from botserver_meetings.reservation import reserve
from botserver_meetings.states import OPEN, Status
from botserver_meetings.transcripts import read_transcript
from botserver_meetings.views import view_history
from botserver_meetings.wishes import check_settings, read_wish

COOKIE = "meetings_session"
LIFETIME = 12 * 3600  # seconds that a sign-in lasts
_SHOWN = 30  # meetings
_LINES = 12
_LARGEST_FORM = 10_000  # bytes
_HOME = "/meetings/"
_TONES = {Status.ACTIVE: "good", Status.FAILED: "bad", Status.STOPPING: "warn", Status.COMPLETED: "plain"}


def add_page(router: APIRouter, context: Context) -> None:
    """/meetings/ and the forms on it."""

    @router.get("/meetings/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return await _render(context, request, await _user_of(context, request))

    @router.get("/meetings/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        user = await _user_of(context, request)
        if user is None:
            return Response(status_code=403)
        return stream_events(request, lambda last_id: _watch(context, user.id, last_id))

    @router.post("/meetings/session", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        form = await read_form(request, _LARGEST_FORM)
        user = await find_owner(context, form.get("key", ""))
        if user is None:
            return await _render(context, request, None, note="This key is not known, or no longer.", status=403)
        # The key itself does not stay in the browser: what does opens these pages until tomorrow.
        token = await issue_token(context, user.id, LIFETIME)
        answer = RedirectResponse(_HOME, 303)
        answer.set_cookie(
            COOKIE,
            token.token,
            max_age=LIFETIME,
            path="/meetings",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @router.post("/meetings/session/end", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        await read_form(request, _LARGEST_FORM)
        await forget_token(context, request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(_HOME, 303)
        answer.delete_cookie(COOKIE, path="/meetings")
        return answer

    async def act(request: Request, action: Callable[[User, dict[str, str]], Awaitable[object]]) -> Response:
        user = await _user_of(context, request)
        if user is None:
            return await _render(context, request, None, note="Sign in first.", status=403)
        try:
            await action(user, await read_form(request, _LARGEST_FORM))
        except ValidationError as error:
            return await _render(context, request, user, note=error.errors()[0]["msg"], status=422)
        except BotError as error:
            return await _render(context, request, user, note=str(error), status=409)
        return RedirectResponse(_HOME, 303)

    @router.post("/meetings/bots", include_in_schema=False)
    async def send_bot(request: Request) -> Response:
        async def send(user: User, form: dict[str, str]) -> None:
            wish = read_wish(context, request, BotWish.model_validate(form))
            reservation = await reserve(context, user.id, wish)
            await launch(context, reservation.meeting, reservation.credentials)

        return await act(request, send)

    @router.post("/meetings/stop", include_in_schema=False)
    async def stop_bot(request: Request) -> Response:
        return await act(request, lambda user, form: stop(context, user.id, _read_name(form)))

    @router.post("/meetings/config", include_in_schema=False)
    async def configure_bot(request: Request) -> Response:
        async def configure(user: User, form: dict[str, str]) -> None:
            wanted = BotSettings.model_validate({"language": form.get("language")})
            check_settings(context, wanted.language, None)
            await reconfigure(context, user.id, _read_name(form), language=wanted.language, task=None)

        return await act(request, configure)


async def _user_of(context: Context, request: Request) -> User | None:
    token = request.cookies.get(COOKIE)
    return await find_owner(context, token) if token else None


def _read_name(form: dict[str, str]) -> MeetingName:
    wish = BotWish.model_validate(form)
    return MeetingName(wish.platform, wish.native_meeting_id)


async def _watch(context: Context, user_id: int, _last_id: str) -> AsyncIterator[Event]:
    yield Event("changed")  # whatever happened before this page listened
    async with context.channels.subscribe(user_channel(user_id)) as messages:
        async for _ in messages:
            yield Event("changed")


async def _render(context: Context, request: Request, user: User | None, note: str = "", status: int = 200) -> Response:
    found = await list_meetings(context, user.id, _SHOWN) if user is not None else []
    shown = [await _show(context, it) for it in found]
    return render_page(
        request,
        "botserver_meetings/index.html",
        status=status,
        user=user,
        note=note,
        platforms=[it.value for it in Platform],
        open=[it for it in shown if it["is_open"]],
        ended=[it for it in shown if not it["is_open"]],
    )


async def _show(context: Context, meeting: Meeting) -> dict[str, Any]:
    """A meeting as the template has it."""
    name = MeetingName(meeting.platform, meeting.native_meeting_id)
    found = await read_transcript(context, meeting.user_id, name, meeting.id)
    lines = [it.segment for it in found.lines[-_LINES:]] if found is not None else []
    steps = view_history(context.profile, meeting.history)
    return {
        "id": meeting.id,
        "name": meeting.data.get("name") or meeting.native_meeting_id,
        "native_id": meeting.native_meeting_id,
        "platform": meeting.platform.value,
        "status": context.profile.name_of(meeting.status),
        "tone": _TONES.get(meeting.status, "busy"),
        "is_open": meeting.status in OPEN,
        "configurable": meeting.status is Status.ACTIVE,
        "language": meeting.bot.get("language", ""),
        "since": f"{meeting.created_at:%Y-%m-%d %H:%M:%S}",
        "why": meeting.data.get("failure_reason") or meeting.data.get("completion_reason") or "",
        "history": [
            {"at": it["timestamp"][11:19], "end": it["to"], "source": it["source"], "reason": it.get("reason", "")}
            for it in steps
        ],
        "lines": lines,
    }

"""Routes of users for their bots."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from botserver_meetings.authentication import BotUser
from botserver_meetings.bodies import BotSettings, BotWish
from botserver_meetings.commands import reconfigure, stop
from botserver_meetings.context import Context
from botserver_meetings.launching import launch
from botserver_meetings.meetings import list_running
from botserver_meetings.paths import BY_NAME, NameInPath
from botserver_meetings.reservation import reserve
from botserver_meetings.schemas import DetailView, FieldsView, MeetingView, MessageView, RunningBotsView
from botserver_meetings.views import view_meeting, view_running_bot
from botserver_meetings.wishes import check_settings, read_wish

_DENIED: dict[int | str, dict[str, Any]] = {403: {"model": DetailView}, 422: {"model": FieldsView}}


def add_bot_routes(router: APIRouter, context: Context) -> None:
    """POST /bots and what is done to a bot."""
    profile = context.profile
    created = profile.created_code
    full: dict[int | str, dict[str, Any]] = {429: {"model": DetailView}, 409: {"model": DetailView}}

    @router.post(
        "/bots",
        status_code=created,
        response_model=MeetingView,
        responses={**_DENIED, **full},
        summary="Send a bot into a meeting",
    )
    async def request_bot(request: Request, user: BotUser, body: BotWish) -> Response:
        wish = read_wish(context, request, body)
        reservation = await reserve(context, user.id, wish)
        meeting = await launch(context, reservation.meeting, reservation.credentials)
        return JSONResponse(view_meeting(profile, meeting), created)

    @router.get("/bots/status", response_model=RunningBotsView, responses=_DENIED, summary="Bots that are not over")
    async def bots_status(user: BotUser) -> Response:
        found = await list_running(context, user.id)
        return JSONResponse({"running_bots": [view_running_bot(profile, it) for it in found]})

    @router.put(
        f"/bots/{BY_NAME}/config",
        status_code=202,
        response_model=MessageView,
        responses={**_DENIED, 404: {"model": DetailView}, 409: {"model": DetailView}},
        summary="Change language or task of an active bot",
    )
    async def configure_bot(user: BotUser, name: NameInPath, body: BotSettings) -> Response:
        check_settings(context, body.language, body.task)
        await reconfigure(context, user.id, name, language=body.language, task=body.task)
        return JSONResponse({"message": "Reconfiguration request accepted and sent to the bot"}, 202)

    @router.delete(
        f"/bots/{BY_NAME}",
        status_code=202,
        response_model=MessageView,
        responses={**_DENIED, 404: {"model": DetailView}},
        summary="Let a bot leave",
    )
    async def stop_bot(user: BotUser, name: NameInPath) -> Response:
        outcome = await stop(context, user.id, name)
        return JSONResponse({"message": profile.stop_texts.get(outcome.value, profile.stop_text)}, 202)

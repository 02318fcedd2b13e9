"""Routes of users for their meetings, transcripts and webhook."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from botserver_meetings.authentication import ApiUser, WebhookUser
from botserver_meetings.bodies import MeetingUpdate, Webhook
from botserver_meetings.context import Context
from botserver_meetings.export import FORMATS
from botserver_meetings.meetings import annotate, delete_meetings, list_meetings, not_found
from botserver_meetings.notices import describe_webhook, set_webhook
from botserver_meetings.paths import BY_NAME, NameInPath
from botserver_meetings.schemas import (
    DetailView,
    FieldsView,
    MeetingsView,
    MeetingView,
    MessageView,
    TranscriptView,
    WebhookUserView,
    WebhookView,
)
from botserver_meetings.transcripts import read_transcript, to_json
from botserver_meetings.views import view_meeting, view_user

_DENIED: dict[int | str, dict[str, Any]] = {403: {"model": DetailView}, 422: {"model": FieldsView}}
_MISSING: dict[int | str, dict[str, Any]] = {**_DENIED, 404: {"model": DetailView}}

Number = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
FileFormat = Annotated[Literal["json", "srt", "txt", "vtt"] | None, Query()]


def add_meeting_routes(router: APIRouter, context: Context) -> None:
    """Lists, transcripts, notes, deletion, and where to tell of all that."""
    profile = context.profile

    @router.get("/meetings", response_model=MeetingsView, responses=_DENIED, summary="All meetings, newest first")
    async def meetings(user: ApiUser, limit: Number = None) -> Response:
        found = await list_meetings(context, user.id, min(limit, 2**31) if limit else None)
        return JSONResponse({"meetings": [view_meeting(profile, it) for it in found]})

    @router.get(
        f"/transcripts/{BY_NAME}",
        response_model=TranscriptView,
        responses=_MISSING,
        summary="What was said, as JSON with its meeting or as a file",
    )
    async def transcript(
        user: ApiUser,
        name: NameInPath,
        meeting_id: Number = None,
        format: FileFormat = None,  # noqa: A002 - a name of the API
    ) -> Response:
        found = await read_transcript(context, user.id, name, meeting_id)
        if found is None:
            raise not_found(name)
        if format is not None:
            chosen = FORMATS[format]
            return Response(chosen.render([it.segment for it in found.lines]), media_type=chosen.media_type)
        segments = [to_json(it) for it in found.lines]
        return JSONResponse({**view_meeting(profile, found.meeting), "segments": segments})

    @router.patch(
        f"/meetings/{BY_NAME}",
        response_model=MeetingView,
        responses={**_MISSING, 400: {"model": DetailView}},
        summary="Note name, participants, languages or notes",
    )
    async def update_meeting(user: ApiUser, name: NameInPath, body: MeetingUpdate) -> Response:
        notes = body.data.model_dump(exclude_none=True)
        return JSONResponse(view_meeting(profile, await annotate(context, user.id, name, notes)))

    @router.delete(
        f"/meetings/{BY_NAME}",
        response_model=MessageView,
        responses={**_MISSING, 409: {"model": DetailView}},
        summary="Delete a meeting with its transcript",
    )
    async def delete_meeting(user: ApiUser, name: NameInPath) -> Response:
        await delete_meetings(context, user.id, name)
        shown = f"{name.platform.value}/{name.native_id}"
        return JSONResponse({"message": f"Meeting {shown} and all its transcripts have been deleted"})

    @router.put(
        "/user/webhook",
        response_model=WebhookUserView,
        responses={**_DENIED, 400: {"model": DetailView}, 401: {"model": DetailView}},
        summary="Where to tell what happens to bots",
    )
    async def webhook(user: WebhookUser, body: Webhook) -> Response:
        changed, secret = await set_webhook(context, user.id, body.webhook_url)
        return JSONResponse({**view_user(changed), **({"webhook_secret": secret} if secret else {})})

    @router.get(
        "/user/webhook",
        response_model=WebhookView,
        responses={**_DENIED, 401: {"model": DetailView}},
        summary="Where that is, and what came of the newest notices",
    )
    async def webhook_state(user: WebhookUser) -> Response:
        return JSONResponse(await describe_webhook(context, user))

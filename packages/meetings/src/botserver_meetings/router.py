"""HTTP and JSON, and nothing else: what the service does is in modules that know neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from botserver_meetings.admin_routes import add_admin_routes
from botserver_meetings.answers import route_class
from botserver_meetings.bot_routes import add_bot_routes
from botserver_meetings.callback_routes import add_callback_routes
from botserver_meetings.context import MEETINGS
from botserver_meetings.live import add_live_route
from botserver_meetings.meeting_routes import add_meeting_routes
from botserver_meetings.page import add_page

if TYPE_CHECKING:
    from botstate import AppState


def create_router(state: AppState) -> APIRouter:
    """The routes of this service over an opened state. Has no other effect."""
    context = state.require(MEETINGS)
    pages = APIRouter()
    add_page(pages, context)
    router = APIRouter(route_class=route_class(context))
    router.include_router(pages)
    add_callback_routes(router, context)
    add_bot_routes(router, context)
    add_meeting_routes(router, context)
    add_admin_routes(router, context)
    add_live_route(router, context)
    return router

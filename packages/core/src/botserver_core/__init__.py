"""The HTTP side of the bot platform: one application made of many services."""

from botserver_core.application import create_app
from botserver_core.events import Event, Feed, stream_events
from botserver_core.gate import current_request_id
from botserver_core.logs import configure_logging
from botserver_core.problems import Problem
from botserver_core.rendering import render_page
from botserver_core.serving import serve
from botserver_core.settings import HttpSettings, Rate, http_service
from botserver_core.sharing import wait_for_stop

__all__ = [
    "Event",
    "Feed",
    "HttpSettings",
    "Problem",
    "Rate",
    "configure_logging",
    "create_app",
    "current_request_id",
    "http_service",
    "render_page",
    "serve",
    "stream_events",
    "wait_for_stop",
]

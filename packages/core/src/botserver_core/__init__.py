"""The HTTP side of the bot platform: one application made of many services.

Names are imported when they are asked for: a command that only reads the settings does not wait for FastAPI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botserver_core.application import create_app
    from botserver_core.events import Event, Feed, stream_events
    from botserver_core.forms import read_form
    from botserver_core.gate import current_request_id
    from botserver_core.logs import configure_logging
    from botserver_core.problems import Problem
    from botserver_core.rendering import render_page
    from botserver_core.serving import serve
    from botserver_core.settings import Rate, WebSettings, web_service
    from botserver_core.sharing import wait_for_stop

#: Name -> the module that has it.
_MODULES = {
    "Event": "events",
    "Feed": "events",
    "Problem": "problems",
    "Rate": "settings",
    "WebSettings": "settings",
    "configure_logging": "logs",
    "create_app": "application",
    "current_request_id": "gate",
    "read_form": "forms",
    "render_page": "rendering",
    "serve": "serving",
    "stream_events": "events",
    "wait_for_stop": "sharing",
    "web_service": "settings",
}

__all__ = [
    "Event",
    "Feed",
    "Problem",
    "Rate",
    "WebSettings",
    "configure_logging",
    "create_app",
    "current_request_id",
    "read_form",
    "render_page",
    "serve",
    "stream_events",
    "wait_for_stop",
    "web_service",
]


if not TYPE_CHECKING:  # a type checker knows the names above, and tells those that are misspelt

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

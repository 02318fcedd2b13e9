"""The HTTP side of the bot platform: one application made of many services."""

from botserver_core.application import create_app
from botserver_core.problems import Problem
from botserver_core.requests import current_request_id
from botserver_core.serving import serve

__all__ = ["Problem", "create_app", "current_request_id", "serve"]

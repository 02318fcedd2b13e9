"""The settings of the server itself: the parts `server` and `logs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from botlib import Seconds


@dataclass(frozen=True)
class ServerSettings:
    """Where to listen (port 0 takes a free one), and how many seconds requests have to end after a signal.

    With `instance`, GET /instance answers with it: whoever started this server can tell it from another one.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    grace: Seconds = 10.0
    instance: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"{self.port} is no port: give a number from 0 to 65535.")
        if self.grace < 0:
            raise ValueError("grace is a number of seconds, not less than 0.")


@dataclass(frozen=True)
class LogSettings:
    """The least that is logged. With a folder, requests go to `api.log` there and everything to `debug.log`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    folder: str = ""

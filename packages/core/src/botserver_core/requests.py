"""The outermost layer: every request gets an id, a line in the log, and an answer whatever happens."""

from __future__ import annotations

import asyncio
import logging
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from botserver_core.problems import UNEXPECTED, Problem
from botserver_core.sharing import share

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from botlib import IdSource
    from botserver_core.sharing import Shared

HEADER = "X-Request-ID"

_log = logging.getLogger(__name__)
_access = logging.getLogger("botserver.access")
_current: ContextVar[str] = ContextVar("request_id", default="")
# What a caller sends is repeated in logs and headers, so it must be plain.
_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_STOPPING = Problem(503, "The server is stopping. Another try may pass.", "unavailable")


def current_request_id() -> str:
    """The id of the request that is being answered, or "" outside of one."""
    return _current.get()


class RequestLayer:
    """ASGI middleware. A caller's own id is kept when it is plain, else a new one is made; the answer repeats it."""

    def __init__(self, app: ASGIApp, ids: IdSource, shared: Shared) -> None:
        self._app = app
        self._ids = ids
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        share(scope, self._shared)
        token = _current.set(self._id_of(scope))
        try:
            await self._answer(scope, receive, send)
        finally:
            _current.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = current_request_id()
        began = self._shared.clock.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in {"http.response.start", "websocket.accept"}:
                status = message.get("status", 101)
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            if not self._shared.switch.stopping:
                raise
            # The time for requests to end is over. The task ends here, so its cancellation need not go further.
            if not status and scope["type"] == "http":
                await _STOPPING.to_response()(scope, receive, send_with_id)
        except Exception:
            _log.exception("unexpected error in request %s", request_id)
            if status or scope["type"] == "websocket":
                raise  # too late for an answer: the server cuts the connection
            await UNEXPECTED.to_response()(scope, receive, send_with_id)
        finally:
            milliseconds = (self._shared.clock.monotonic() - began) * 1000
            method = scope.get("method", "WEBSOCKET")
            # !a keeps a path with line breaks on its line; the query is left out, as it may hold a token.
            _access.info("%s %s %d %.1f ms %s", method, ascii(scope["path"])[1:-1], status, milliseconds, request_id)

    def _id_of(self, scope: Scope) -> str:
        wanted = HEADER.lower().encode()
        sent: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
        return sent.decode() if _ACCEPTED.fullmatch(sent) else str(self._ids.new_id())

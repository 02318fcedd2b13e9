"""Connections that do not wait for ever: uvicorn's own, with limits on who is slow, silent or one too many."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from botserver_core.problems import Problem

if TYPE_CHECKING:
    from botserver_core.settings import WebSettings

#: Seconds and bytes for which a connection that is closed still takes what its peer is sending. Closed at once it would
#: be reset, and the peer would lose the answer that tells it why.
LINGER_SECONDS = 2.0
LINGER_BYTES = 1_048_576

#: Bytes that wait for a peer of a WebSocket before its service has to wait too.
SOCKET_BUFFER = 16_384

_TOO_SLOW = Problem(408, "The headers came too slowly.", "too-slow")
_TOO_MANY = Problem(503, "Too many connections are open. Another try may pass.", "unavailable")
_MALFORMED = Problem(400, "That is no HTTP request.", "invalid")
_TOO_LONG = Problem(431, "The headers are too long.", "too-large")
_NOT_DONE = Problem(501, "This server does not know that way to send a body.", "invalid")
_WRONG_VERSION = Problem(505, "This server speaks HTTP/1.1.", "invalid")
_BY_STATUS = {408: _TOO_SLOW, 431: _TOO_LONG, 501: _NOT_DONE, 505: _WRONG_VERSION}


def limit_unread(listener: socket.socket, seconds: float) -> None:
    """Let the kernel end connections whose peer takes nothing of what was sent for so long. They inherit it."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    if option is not None and seconds:
        listener.setsockopt(socket.IPPROTO_TCP, option, round(seconds * 1000))


class HttpConnection(H11Protocol):
    """One connection of HTTP/1.1. Whoever sends headers too slowly, or too long ones, is told so and left."""

    #: Set by `connection_class`.
    settings: WebSettings

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._lingering: _Lingering = _Lingering(transport, self)
        super().connection_made(self._lingering)  # type: ignore[arg-type]  # it does all that is asked of it
        self._slow: asyncio.TimerHandle | None = None
        if len(self.connections) > self.settings.connections:
            self._refuse(_TOO_MANY)
        else:
            self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        if self._lingering.closed:
            self._lingering.swallow(data)
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._headers_are_here()
        elif self._slow is None and not self._lingering.closed:
            self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_are_here()
        self._lingering.end()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._headers_are_here()
        transport = self.transport = self._lingering.transport
        transport.set_write_buffer_limits(high=SOCKET_BUFFER)
        super().handle_websocket_upgrade(event)
        # Nobody needs this object any more. Without the circle it goes now, not when the collector comes by.
        del self._lingering, self.flow, self.cycle, self.scope

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text tells less than the parser's status
        self._headers_are_here()
        problem = _BY_STATUS.get(getattr(sys.exc_info()[1], "error_status_hint", 400), _MALFORMED)
        if self.conn.our_state is h11.SEND_RESPONSE or self.conn.our_state is h11.SEND_BODY:
            # The body is malformed, and somebody reads it. They learn that it ends, and say nothing more here.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self._lingering.transport.abort()
                return
            problem = _MALFORMED  # the parser means a chunk when it says that headers are too long
        self._refuse(problem)

    def _wait_for_headers(self) -> None:
        self._slow = self.loop.call_later(self.settings.request_seconds, self._headers_are_late)

    def _headers_are_here(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _headers_are_late(self) -> None:
        self._slow = None
        if self.conn.their_state is h11.IDLE:
            self._refuse(_TOO_SLOW)

    def _refuse(self, problem: Problem) -> None:
        """Answer without the application, which has not seen a request, and close."""
        self._unset_keepalive_if_required()
        body = bytes(problem.to_response().body)
        head = (
            f"HTTP/1.1 {problem.status} {problem.title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._lingering.linger()


class SocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket. When the server stops it is told so by code 1012, whatever it is waiting for."""

    async def send(self, message: Any) -> None:
        if self.transport.is_closing():
            # The loop has to tell us that the connection is lost. Whoever sends without a pause would never let it.
            await asyncio.sleep(0)
        await super().send(message)

    def shutdown(self) -> None:
        super().shutdown()
        # A peer that reads nothing would keep the farewell, and with it the server, waiting.
        self.loop.call_later(1.0, self.transport.abort)


def connection_class(settings: WebSettings) -> type[HttpConnection]:
    """The class of connections with these limits: uvicorn makes them itself, and gives no way to pass more."""
    return type("LimitedConnection", (HttpConnection,), {"settings": settings})


class _Lingering:
    """A transport that, closed while the peer still sends, says its last word and listens a little longer."""

    def __init__(self, transport: asyncio.Transport, connection: HttpConnection) -> None:
        self.transport = transport
        self.closed = False
        self.write = transport.write
        self._connection = connection
        self._swallowed = 0
        self._end: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def is_closing(self) -> bool:
        return self.closed or self.transport.is_closing()

    def close(self) -> None:
        """Close; at once when the peer has said all."""
        if self._connection.conn.their_state is h11.SEND_BODY:
            self.linger()
        else:
            self.closed = True
            self.transport.close()

    def linger(self) -> None:
        """Close our side now, and the other when the peer has closed its own, or some time has passed."""
        if self.is_closing():
            return
        self.closed = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self._end = self._connection.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def swallow(self, data: bytes) -> None:
        """Take what still comes, up to a limit."""
        self._swallowed += len(data)
        if self._swallowed > LINGER_BYTES:
            self.transport.abort()

    def end(self) -> None:
        """The connection is gone."""
        if self._end is not None:
            self._end.cancel()

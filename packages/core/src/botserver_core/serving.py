"""Runs services until the process is told to stop, and stops them clean."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from botlib import UnavailableError
from botserver_core.application import create_app
from botserver_core.connections import SocketConnection, connection_class, limit_unread
from botserver_core.settings import web_settings_of
from botserver_core.stopping import Switch
from botstate import STANDINGS, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from fastapi import FastAPI

    from botserver_core.settings import WebSettings
    from botstate import Service, Standing

    #: Told the address and how each service stands, once connections are accepted.
    Ready = Callable[[str, Sequence[Standing]], None]


#: How often, and how many seconds apart, a request that does not end is cancelled.
_CANCELLATIONS = 3
_CANCELLATION_SECONDS = 0.3

#: Seconds that threads have to end after everything else has. A thread cannot be stopped from outside.
_LAST_SECONDS = 2.0

_log = logging.getLogger(__name__)


def serve(
    services: Sequence[Service],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    grace: float = 10.0,
    ready: Ready = lambda _url, _standings: None,
) -> None:
    """Compose the services, serve them, and return after SIGINT or SIGTERM when all is closed.

    At the signal readiness fails, no new connection is accepted, and requests that are under way have `grace` seconds
    to end; then providers are closed. A second signal ends the requests at once, a third one the closing. Whatever then
    still runs, in a thread or deaf to cancellation, is told by the log, and the process ends with exit code 1. For the
    main thread of a program. Raises `StartupError` when the services do not fit together, `UnavailableError` when the
    address cannot be had.
    """
    threads = frozenset(threading.enumerate())
    runner = asyncio.Runner()
    try:
        with suppress(asyncio.CancelledError):  # a signal during start-up: what was open is closed by now
            runner.run(_serve_until_signals(services, host, port, grace, ready))
    finally:
        _close(runner, threads)


def _close(runner: asyncio.Runner, before: frozenset[threading.Thread]) -> None:
    """Close the loop and wait for threads that came after `before`; leave the process when they do not end."""
    deadline = threading.Timer(_LAST_SECONDS, _leave)
    deadline.daemon = True
    deadline.start()
    runner.close()
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join()
    deadline.cancel()


def _leave() -> None:
    _log.error("something does not end and is left behind: the process leaves")
    logging.shutdown()
    sys.stdout.flush()
    os._exit(1)


async def _serve_until_signals(services: Sequence[Service], host: str, port: int, grace: float, ready: Ready) -> None:
    stop = Stop()
    with stop.at_signals():
        await serve_until(stop, services, host=host, port=port, grace=grace, ready=ready)


async def serve_until(
    stop: Stop,
    services: Sequence[Service],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    grace: float = 10.0,
    ready: Ready = lambda _url, _standings: None,
) -> None:
    """Like `serve`, within a running loop and until `stop.ask()`, which does what a signal does."""
    with _bind(host, port) as listener, stop.of(asyncio.current_task()):
        async with compose(services) as state:
            app = create_app(state, services, switch=stop.switch)
            url, standings = _address_of(listener), state.require(STANDINGS)
            settings = web_settings_of(state)
            limit_unread(listener, settings.unread_seconds)
            await stop.run(_Server(app, settings, grace, ready=lambda: ready(url, tuple(standings))), listener)


class _Server(uvicorn.Server):
    """uvicorn without its own signals, which would end the process by the signal again, and with our way to stop."""

    def __init__(self, app: FastAPI, settings: WebSettings, grace: float, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=connection_class(settings),
                ws=SocketConnection,
                ws_max_size=settings.socket_message_bytes,
                ws_per_message_deflate=False,  # 40 KiB for every socket, and bombs
                ws_ping_interval=20.0,
                ws_ping_timeout=None,  # a busy peer is not dead; one that is gone takes nothing, which has its limit
                h11_max_incomplete_event_size=settings.header_bytes + settings.url_bytes,
                timeout_keep_alive=max(1, round(settings.keep_alive_seconds)),
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,  # it believes everybody on this machine; our own rule is in `addresses`
                server_header=False,
                lifespan="on",
            )
        )
        self._grace = grace
        self._ready = ready
        self._hurry = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # any context manager will do
        return nullcontext()

    def stop(self) -> None:
        """Let requests end; when asked again, end them."""
        if self.should_exit:
            self._hurry.set()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No new connections; those that are open end, or are ended after the grace or when there is a hurry."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if not await self._all_end(self._grace):
            _log.warning("%d requests did not end in time and are cancelled", len(state.tasks))
            await self._end_all()
        for connection in list(state.connections):
            connection.transport.abort()
        await self.lifespan.shutdown()

    async def _all_end(self, seconds: float) -> bool:
        """Wait for requests, and for what is still to be sent; not longer than that, nor when there is a hurry."""
        hurry = asyncio.ensure_future(self._hurry.wait())
        state = self.server_state
        try:
            async with asyncio.timeout(seconds):
                while state.tasks and not hurry.done():
                    await asyncio.wait({*state.tasks, hurry}, return_when=asyncio.FIRST_COMPLETED)
                while state.connections and not hurry.done():
                    await asyncio.wait({hurry}, timeout=0.02)
        except TimeoutError:
            return False
        finally:
            hurry.cancel()
        return not state.tasks

    async def _end_all(self) -> None:
        """Cancel requests. One that takes no notice is asked again; what runs in a thread cannot be ended at all."""
        for _ in range(_CANCELLATIONS):
            tasks = tuple(self.server_state.tasks)
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CANCELLATION_SECONDS)
        names = ", ".join(sorted(task.get_name() for task in self.server_state.tasks))
        if names:
            _log.error("these requests take no notice of the end and are left behind: %s", names)


class Stop:
    """What a signal does: stop the server when there is one, else give up starting or closing."""

    def __init__(self) -> None:
        self.switch = Switch()
        self._server: _Server | None = None
        self._task: asyncio.Task[Any] | None = None

    def ask(self) -> None:
        """Stop; asked a second time do not wait for requests, a third time not for closing either."""
        self.switch.stop()
        if self._server is not None:
            self._server.stop()
        elif self._task is not None:
            self._task.cancel()

    async def run(self, server: _Server, listener: socket.socket) -> None:
        """Serve until asked to stop."""
        self._server = server
        try:
            await server.serve(sockets=[listener])
        finally:
            self._server = None

    @contextmanager
    def of(self, task: asyncio.Task[Any] | None) -> Iterator[None]:
        """While this lasts, starting and closing are given up by cancelling the task."""
        self._task = task
        try:
            yield
        finally:
            self._task = None

    @contextmanager
    def at_signals(self) -> Iterator[None]:
        """While this lasts, SIGINT and SIGTERM ask."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.ask)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise UnavailableError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            remedy="Stop the other program, or choose another address; port 0 takes a free one.",
        ) from error
    return listener


def _address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

"""Runs services until the process is told to stop, and stops them clean."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from botlib import UnavailableError
from botserver_core.application import create_app
from botserver_core.stopping import Switch
from botstate import STANDINGS, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from fastapi import FastAPI

    from botstate import Service, Standing

    #: Told the address and how each service stands, once connections are accepted.
    Ready = Callable[[str, Sequence[Standing]], None]


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
    to end; then providers are closed. A second signal ends the requests at once, a third one the closing. For the main
    thread. Raises `StartupError` when the services do not fit together, `UnavailableError` when the address cannot be
    had.
    """
    with suppress(asyncio.CancelledError):  # a signal during start-up: what was open is closed by now
        asyncio.run(_serve_until_signals(services, host, port, grace, ready))


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
            await stop.run(_Server(app, grace, ready=lambda: ready(url, standings)), listener)


class _Server(uvicorn.Server):
    """uvicorn without its own signals: it would end the process by the signal again, and we end with exit code 0."""

    def __init__(self, app: FastAPI, grace: float, ready: Callable[[], None]) -> None:
        whole_seconds = max(1, round(grace))
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, log_level="warning", timeout_graceful_shutdown=whole_seconds
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # any context manager will do
        return nullcontext()

    def stop(self) -> None:
        """Let requests end; when asked again, end them."""
        if self.should_exit:
            for task in self.server_state.tasks:
                task.cancel()
        self.should_exit = True


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

"""A server in a thread of the test, on a free port of this machine."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botserver_core.serving import Stop, serve_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from botstate import Service

#: Seconds that start and stop may take each.
_LIMIT = 30.0


@contextmanager
def running(services: Sequence[Service], *, grace: float = 1.0) -> Iterator[str]:
    """Compose and serve these services, as `serve` does, and give the address; stop as at SIGTERM.

    For tests that need a real socket: a browser, somebody else's client. Others need no server, only `create_app`.
    """
    ready, address, failure = threading.Event(), list[str](), list[BaseException]()
    stops: list[tuple[asyncio.AbstractEventLoop, Stop]] = []

    async def serve() -> None:
        stop = Stop()
        stops.append((asyncio.get_running_loop(), stop))
        await serve_until(stop, services, port=0, grace=grace, ready=on_ready)

    def on_ready(url: str, _standings: object) -> None:
        address.append(url)
        ready.set()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread of the test
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="server of a test", daemon=True)
    thread.start()
    try:
        if not ready.wait(_LIMIT):
            raise TimeoutError(f"The server was not ready within {_LIMIT:g} seconds.")
        if address:
            yield address[0]
    finally:
        if thread.is_alive() and stops:
            loop, stop = stops[0]
            loop.call_soon_threadsafe(stop.ask)
        thread.join(_LIMIT)
    if failure:
        raise failure[0]
    if thread.is_alive():
        raise TimeoutError(f"The server did not stop within {_LIMIT:g} seconds.")

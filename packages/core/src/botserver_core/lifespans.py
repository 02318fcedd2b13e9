"""Enters and leaves applications that services mount: their start-up code runs, as if each had a server of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import APIRouter
    from starlette.types import ASGIApp, Message

#: Seconds that one application may take to start, and to stop.
TIME_LIMIT = 30.0

_log = logging.getLogger(__name__)


def mounted_applications(router: APIRouter) -> Iterator[ASGIApp]:
    """Every application that a router mounts, wherever within it."""
    for context in iter_route_contexts(router.routes):
        if isinstance(context.original_route, Mount):
            yield context.original_route.app


class Lifespans:
    """The mounted applications of a server, each entered and left in a task of its own."""

    def __init__(self) -> None:
        self._known: list[tuple[str, ASGIApp]] = []
        self._running: list[_Lifespan] = []
        self._entered = False
        #: Service -> why one of its applications did not start.
        self.troubles: dict[str, str] = {}

    def add(self, service: str, router: APIRouter) -> None:
        """Take on what a service mounts. While the server runs it is entered at once, in the background."""
        for app in mounted_applications(router):
            self._known.append((service, app))
            if self._entered:
                lifespan = self._begin(service, app)
                lifespan.entering = asyncio.create_task(self._enter(lifespan))

    async def enter(self) -> None:
        """Start all; one that fails is told by `troubles` and does not stop the others."""
        self._entered = True
        await asyncio.gather(*(self._enter(self._begin(service, app)) for service, app in self._known))

    async def leave(self) -> None:
        """Stop all, the last one first."""
        self._entered = False
        while self._running:
            await self._running.pop().leave()

    def _begin(self, service: str, app: ASGIApp) -> _Lifespan:
        lifespan = _Lifespan(service, app)
        self._running.append(lifespan)
        return lifespan

    async def _enter(self, lifespan: _Lifespan) -> None:
        trouble = await lifespan.enter()
        if trouble:
            self.troubles[lifespan.service] = trouble


class _Lifespan:
    """The lifespan protocol of ASGI with one application."""

    def __init__(self, service: str, app: ASGIApp) -> None:
        self.service = service
        self.entering: asyncio.Task[None] | None = None
        self._app = app
        self._started = asyncio.Event()
        self._stop = asyncio.Event()
        self._asked = False
        self._trouble = ""
        self._task = asyncio.create_task(self._run(), name=f"an application that {service} mounts")

    async def enter(self) -> str:
        """Why it did not start, or ""."""
        try:
            async with asyncio.timeout(TIME_LIMIT):
                await self._started.wait()
        except TimeoutError:
            self._task.cancel()
            self._trouble = f"An application that it mounts did not start within {TIME_LIMIT:g} seconds."
        return self._trouble

    async def leave(self) -> None:
        self._stop.set()
        _, late = await asyncio.wait((self._task,), timeout=TIME_LIMIT)
        if late:
            _log.error("an application that %s mounts did not stop within %g seconds", self.service, TIME_LIMIT)
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:  # noqa: BLE001 - whatever it raises, the server goes on
            # Before it has said anything: it knows no lifespan, which the protocol allows.
            if self._asked and (self._started.is_set() or self._trouble):
                _log.exception("an application that %s mounts failed", self.service)
        finally:
            self._started.set()

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            _log.error("an application that %s mounts did not start: %s", self.service, message.get("message", ""))
            self._trouble = "An application that it mounts did not start. The log says more."
        if message["type"].startswith("lifespan.startup."):
            self._started.set()
        if message["type"] == "lifespan.shutdown.failed":
            _log.error("an application that %s mounts did not stop: %s", self.service, message.get("message", ""))

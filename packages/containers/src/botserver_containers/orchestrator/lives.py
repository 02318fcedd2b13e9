"""Notices the end of a container's process at once, from the kernel; Podman's own event comes up to seconds later."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from botlib import BotError
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.orchestrator.building import tail
from botserver_containers.orchestrator.node import log

if TYPE_CHECKING:
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node

#: Seconds between two looks at a container whose process is gone and which Podman still calls running; and how many.
LOOK = 0.05
LOOKS = 100


class Lives:
    """One descriptor for each process of a running container."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._open: dict[str, tuple[int, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, app: App) -> None:
        """Watch the process that the app has now, and no other."""
        row = app.row
        here = self._node.apps.get(app.name) is app
        pid = row.pid if here and row is not None and row.state is ContainerState.RUNNING else 0
        if self._open.get(app.name, (0, 0))[0] == pid:
            return
        self._drop(app.name)
        if not pid:
            return
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:  # it is gone already, or belongs to another machine: events and looks tell the rest
            return
        self._open[app.name] = (pid, descriptor)
        asyncio.get_running_loop().add_reader(descriptor, self._ended, app)

    async def close(self) -> None:
        """Watch nothing any more."""
        for name in list(self._open):
            self._drop(name)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, app: App) -> None:
        self._drop(app.name)
        if not app.busy:
            task = asyncio.create_task(self._look(app), name=f"end of {app.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look(self, app: App) -> None:
        # The exit code is written down a moment after the process is gone.
        for _ in range(LOOKS):
            if not self._is_news(app):
                return
            try:
                row = await self._node.podman.container(app.name)
            except BotError as error:
                log.warning("%s: Podman did not tell its state: %s", app.name, error)
                return
            if row is None or row.state is not ContainerState.RUNNING:
                if self._is_news(app):
                    await self._node.apply(app, row)
                    await tell_end(self._node, app)
                return
            await self._node.clock.sleep(LOOK)

    def _is_news(self, app: App) -> bool:
        here = self._node.apps.get(app.name) is app
        return here and not app.busy and app.state is ContainerState.RUNNING

    def _drop(self, name: str) -> None:
        _, descriptor = self._open.pop(name, (0, -1))
        if descriptor >= 0:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)


async def tell_end(node: Node, app: App) -> None:
    """Tell that an app went down, unless the user wanted it so, and keep what it said last."""
    if app.name in node.user_stopped:
        return
    code = app.row.exit_code if app.row is not None else 0
    text = f"It ended with exit code {code} and is restarted."
    await node.notices.add("warning", f"{app.name} went down", text, app.name, "crashed")
    await tail(node, app)
    node.show(app)

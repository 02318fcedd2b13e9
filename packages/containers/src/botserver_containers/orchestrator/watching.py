"""Hears what happens to containers: one stream of events, and a look at all of them now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botlib import BotError
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.orchestrator.lives import tell_end
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.timing import wait_for_event

if TYPE_CHECKING:
    import asyncio

    from botserver_containers.orchestrator.node import Node
    from botserver_containers.podman.rows import Event

#: Seconds before a stream that broke is opened again.
PAUSE = 1.0
#: A process that grew by this share since it was first seen may leak.
GROWTH = 0.5
_CHANGES = frozenset(["start", "create", "pause", "unpause", "rename", "init", "restore"])


async def hear(node: Node, look: asyncio.Event) -> None:
    """Take events over as they come, until cancelled. `look` is set when only a look at all of them will do."""
    while True:
        try:
            async with node.podman.events() as events:
                look.set()  # what happened before this is not among them
                async for event in events:
                    await _take(node, event, look)
        except (BotError, OSError, ValueError) as error:
            log.warning("the stream of events broke: %s", error)
        await node.clock.sleep(PAUSE)


async def look_around(node: Node, look: asyncio.Event) -> None:
    """Look at all containers whenever it is asked for, and now and then anyway, until cancelled."""
    while True:
        await wait_for_event(node.clock, look, node.settings.scan_interval)
        look.clear()
        try:
            await scan(node)
        except BotError as error:
            log.warning("Podman did not tell which containers there are: %s", error)


async def scan(node: Node) -> None:
    """Take over how all containers stand. News that came meanwhile are newer, and win."""
    looks = {name: app.looks for name, app in node.apps.items()}
    rows = {row.name: row for row in await node.podman.containers()}
    for name, seen in looks.items():
        app = node.apps.get(name)
        if app is not None and app.looks == seen:
            await node.apply(app, rows.get(name))


async def watch_memory(node: Node) -> None:
    """Warn of apps whose memory grows and grows, until cancelled."""
    first: dict[tuple[str, float | None], int] = {}
    while True:
        await node.clock.sleep(node.settings.memory_interval)
        try:
            used = await node.podman.memory()
        except BotError as error:
            log.warning("Podman did not tell how much memory is used: %s", error)
            continue
        for name, size in used.items():
            app = node.apps.get(name)
            if app is None or app.row is None:
                continue
            key = (name, app.row.started_at)
            if size > first.setdefault(key, size) * (1 + GROWTH):
                await _warn(node, name, first[key], size)
                first[key] = size
        running = {(name, app.row.started_at) for name, app in node.apps.items() if app.row is not None}
        first = {key: size for key, size in first.items() if key in running}


async def _warn(node: Node, name: str, before: int, now: int) -> None:
    text = f"It used {before // 10**6} MB and uses {now // 10**6} MB now."
    await node.notices.add("warning", f"{name} uses more and more memory", text, name, "memory")


async def _take(node: Node, event: Event, look: asyncio.Event) -> None:
    app = node.apps.get(event.name)
    if app is None:
        return
    if event.status in _CHANGES:
        look.set()
    elif event.status == "remove" and not app.busy:
        await node.apply(app, None)
    elif event.status == "died" and not app.busy and app.row is not None and app.state is ContainerState.RUNNING:
        if app.row.started_at is not None and event.moment < app.row.started_at:
            return  # it is late: another run of the container has begun
        row = app.row._replace(state=ContainerState.EXITED, exit_code=event.exit_code, pid=0, down_since=event.moment)
        await node.apply(app, row)
        await tell_end(node, app)

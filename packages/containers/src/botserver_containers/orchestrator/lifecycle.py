"""Starts, stops, restarts and removes apps: the bodies of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_containers.decisions.grace import stop_timeout_secs
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.decisions.phases import Phase
from botserver_containers.errors import NoSuchContainerError
from botserver_containers.orchestrator import building
from botserver_containers.orchestrator.installing import find_image, run_hooks
from botserver_containers.orchestrator.stopping import stop_container
from botserver_containers.podman.adapter import SLOW
from botserver_containers.podman.arguments import NODE_LABEL, volume_name

if TYPE_CHECKING:
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node

#: States that no start leads out of; only a new container does.
_LOST = frozenset([ContainerState.STOPPING, ContainerState.UNKNOWN])
#: States that a plain start leads out of.
_READY = frozenset([ContainerState.CREATED, ContainerState.EXITED, ContainerState.STOPPED])


async def start(node: Node, app: App) -> None:
    """Let it run: the container that is there, or a new one where none is, or where Podman has lost its hold of it."""
    if await _start_known(node, app):
        return
    row = await building.find_own(node, app.name)
    if row is not None and row.state in _LOST:
        await node.podman.remove(app.name, force=True)
        row = None
    if row is None:
        await recreate(node, app)
    elif row.state is ContainerState.PAUSED:
        await node.podman.unpause(app.name)
        await node.look(app)
    elif row.state is ContainerState.RUNNING:
        await node.apply(app, row)
    else:
        await building.start_container(node, app)
    app.enter(Phase.RUNNING, node.clock.monotonic())


async def recreate(node: Node, app: App) -> None:
    """Make its container anew and start it; its volumes and secrets are those it had."""
    image = await find_image(node, app.manifest)
    if await building.find_own(node, app.name) is not None:
        await stop_container(node, app)
        await node.podman.remove(app.name, force=True)
    await building.create_container(node, app, image.id)
    await node.save_record(app, "installed")
    await building.start_container(node, app)
    await run_hooks(node, app)
    app.enter(Phase.RUNNING, node.clock.monotonic())


async def _start_known(node: Node, app: App) -> bool:
    """Start the container that was there at the last look, and tell it at once; then look whether it is so.

    False when there was none to start, or it is gone by now.
    """
    row = app.row
    if row is None or row.state not in _READY or row.labels.get(NODE_LABEL) != node.podman.node:
        return False
    try:
        await node.podman.start(app.name)
    except NoSuchContainerError:
        return False
    app.row = row._replace(state=ContainerState.RUNNING, exit_code=0, pid=0, down_since=None)
    app.enter(Phase.RUNNING, node.clock.monotonic())
    node.show(app)
    await node.look(app)
    await building.refuse_when_down(node, app)
    return True


def longest(app: App) -> float:
    """Seconds that stopping and starting it may take: its grace, and what Podman needs."""
    return stop_timeout_secs(app.name) + 4 * SLOW


async def stop(node: Node, app: App) -> None:
    """Stop it. The mark that the user wants so is on disk before this begins."""
    await stop_container(node, app, tell=True)
    app.enter(Phase.STOPPED, node.clock.monotonic())


async def restart(node: Node, app: App) -> None:
    """Stop it when it runs, and start it."""
    await node.look(app)
    if app.state is ContainerState.RUNNING:
        await stop_container(node, app)
    await start(node, app)


async def uninstall(node: Node, app: App, *, preserve_data: bool) -> None:
    """Stop it, remove it with all that belongs to it, and forget it. Its data stays when it is to be preserved."""
    await node.save_record(app, "removing", preserve_data=preserve_data)
    if await building.find_own(node, app.name) is not None:
        await stop_container(node, app)
    volumes = [] if preserve_data else [volume_name(app.name, volume.name) for volume in app.manifest.volumes]
    await building.remove_belongings(node, app.manifest, volumes=volumes, data_too=not preserve_data)
    await node.directory.remove_record(app.name)
    await node.unmark_user_stopped(app.name)
    await node.forgive(app.name)
    node.hide(app.name)
    await node.save_snapshot()

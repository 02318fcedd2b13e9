"""Stops a container for certain, also one that Podman has lost its hold of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botlib import BotError
from botserver_containers.decisions.grace import stop_timeout_secs
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.decisions.phases import Phase
from botserver_containers.errors import RemainsError
from botserver_containers.orchestrator.node import log

if TYPE_CHECKING:
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node

_DOWN = frozenset([ContainerState.ABSENT, ContainerState.CREATED, ContainerState.EXITED, ContainerState.STOPPED])


async def stop_container(node: Node, app: App, *, tell: bool = False) -> None:
    """Stop it with the grace of its name, and make sure that it is down.

    A container whose monitor was killed stays "stopping" for ever, and Podman refuses every command for it but a forced
    removal. It is removed then, as its exit code and its state are not to be trusted; whoever wants it to run again
    makes a new one. Its volumes stay. With `tell` the app is shown as stopped as soon as its process is gone.
    """
    try:
        await node.podman.stop(app.name, stop_timeout_secs(app.name))
    except BotError as error:
        log.warning("%s: podman stop failed: %s", app.name, error)
    else:
        if tell and app.row is not None and not node.is_alive(app.row.pid):
            app.row = app.row._replace(state=ContainerState.EXITED, pid=0, down_since=node.now())
            app.enter(Phase.STOPPED, node.clock.monotonic())
            node.show(app)
    await node.look(app)
    if app.state in _DOWN:
        return
    log.warning("%s is %s after it was stopped; it is removed by force", app.name, app.state)
    await node.podman.remove(app.name, force=True)
    await node.look(app)
    if app.state not in _DOWN:
        raise RemainsError(f"{app.name} does not stop: Podman still calls it {app.state}.")

"""Makes containers, and takes them away with all that belongs to them: the one planner of every way to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botlib import BotError
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.errors import NameTakenError, RemainsError, StartError
from botserver_containers.manifests.parsing import BUILT_IN_NETWORKS
from botserver_containers.orchestrator.environment import remove_secrets, resolve_environment, store_secrets
from botserver_containers.podman.arguments import (
    NODE_LABEL,
    Surroundings,
    create_arguments,
    fingerprint_of,
    volume_name,
)

if TYPE_CHECKING:
    from botserver_containers.manifests.manifest import Manifest
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node
    from botserver_containers.podman.rows import Row

#: Lines of the log that an error tells.
LOG_LINES = 20


async def find_own(node: Node, name: str) -> Row | None:
    """The container of this name; `NameTakenError` when it is somebody else's."""
    row = await node.podman.container(name)
    if row is not None and row.labels.get(NODE_LABEL) != node.podman.node:
        raise NameTakenError(f"There is a container named {name} that belongs to somebody else.")
    return row


async def create_container(node: Node, app: App, image_id: str) -> None:
    """Create the container of an app that has none: its network, volumes and secrets first."""
    manifest = app.manifest
    if manifest.network not in BUILT_IN_NETWORKS:
        await node.podman.create_network(manifest.network)
    for volume in manifest.volumes:
        await node.podman.create_volume(volume_name(manifest.id, volume.name))
    around = Surroundings(
        node.podman.node,
        image_id,
        resolve_environment(manifest, node.directory.path, node.apps),
        await store_secrets(node, manifest),
        node.init,
    )
    arguments = create_arguments(manifest, around)
    await node.podman.create(arguments)
    app.fingerprint = fingerprint_of(arguments)


async def start_container(node: Node, app: App) -> None:
    """Start it, and make sure that it runs. `StartError` with the last lines of its log when it does not."""
    try:
        await node.podman.start(app.name)
    except BotError as error:
        raise StartError(
            f"{app.name} did not start: {error}", exit_code=getattr(error, "exit_code", 0), log=await tail(node, app)
        ) from error
    await node.look(app)
    await refuse_when_down(node, app)


async def refuse_when_down(node: Node, app: App) -> None:
    """`StartError` when its container does not run."""
    if app.state is ContainerState.RUNNING:
        return
    code = app.row.exit_code if app.row is not None else 0
    log = await tail(node, app)
    last = f" It said: {log.splitlines()[-1][:200]}" if log.strip() else ""
    raise StartError(f"{app.name} ended with exit code {code}.{last}", exit_code=code, log=log)


async def tail(node: Node, app: App) -> str:
    """The last lines of its log, also kept with the app; "" when there are none to be had."""
    try:
        app.log = (await node.podman.logs(app.name, LOG_LINES))[-4000:]
    except BotError:
        app.log = ""
    return app.log


async def remove_belongings(
    node: Node, manifest: Manifest, *, volumes: list[str], networks_too: bool = True, data_too: bool = False
) -> None:
    """Remove the container and what was made for it. `RemainsError` names what is there all the same."""
    podman = node.podman
    await podman.remove(manifest.id, force=True)
    await remove_secrets(node, manifest.id)
    if data_too:
        await node.directory.remove_secrets(manifest.id)
    for name in volumes:
        await podman.remove_volume(name)
    network = manifest.network
    users = [app for app in node.apps.values() if app.manifest.network == network and app.name != manifest.id]
    if networks_too and network not in BUILT_IN_NETWORKS and not users:
        await podman.remove_network(network)
    left = [f"volume {name}" for name in set(volumes) & set(await podman.volumes())]
    if await podman.container(manifest.id) is not None:
        left.append(f"container {manifest.id}")
    if left:
        raise RemainsError(f"{manifest.id} is not gone: {', '.join(left)} cannot be removed.")

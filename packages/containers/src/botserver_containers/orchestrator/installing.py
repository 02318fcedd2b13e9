"""Installs and updates: all or nothing. Whatever goes wrong, also a kill of this process, ends in the old state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions.observation import ContainerState, Health
from botserver_containers.decisions.phases import Phase
from botserver_containers.errors import ImageMissingError, StartError
from botserver_containers.manifests.documents import to_document
from botserver_containers.manifests.images import parse_image
from botserver_containers.orchestrator import building
from botserver_containers.orchestrator.environment import remove_secrets, store_secrets
from botserver_containers.orchestrator.node import log
from botserver_containers.orchestrator.pulling import pull_image
from botserver_containers.orchestrator.stopping import stop_container
from botserver_containers.podman.arguments import FINGERPRINT_LABEL, volume_name

if TYPE_CHECKING:
    from botserver_containers.errors import PullError
    from botserver_containers.manifests.manifest import Manifest, PullPolicy
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node
    from botserver_containers.podman.rows import ImageRow

#: Seconds between two looks at a container that was just started.
LOOK = 1.0


def previous_name(app: str) -> str:
    """Where the old container of an app waits while a new one is tried."""
    return f"{app}.previous"


async def install(node: Node, app: App) -> None:
    """The whole installation of an app. Everything is undone when it fails."""
    created: list[str] = []
    kept = node.directory.has_secrets(app.name)
    try:
        _reach(node, app, "Preparing")
        await node.save_record(app, "installing")
        if await building.find_own(node, app.name) is not None:
            await node.podman.remove(app.name, force=True)
        image = await _pull(node, app)
        created += await _missing_volumes(node, app.manifest)
        await node.save_record(app, "installing", volumes=created, kept_secrets=kept)
        await _bring_up(node, app, image)
        await _record(node, app)
    except BaseException:
        undo = roll_back_install(node, app, created, secrets_too=not kept)
        await asyncio.shield(asyncio.ensure_future(undo))
        raise
    await _tell(node, app)


async def update(node: Node, app: App, manifest: Manifest) -> None:
    """Replace an app by another version. The old container waits, stopped, until the new one has proved itself."""
    old, old_fingerprint, was_up = app.manifest, app.fingerprint, app.state is ContainerState.RUNNING
    before = {"previous": to_document(old), "previous_fingerprint": old_fingerprint}
    created: list[str] = []
    try:
        app.manifest = manifest
        _reach(node, app, "Preparing")
        await node.save_record(app, "updating", **before)
        image = await _pull(node, app)
        created += await _missing_volumes(node, manifest)
        await node.save_record(app, "updating", volumes=created, **before)
        await stop_container(node, app)
        await node.podman.rename(app.name, previous_name(app.name))
        await _bring_up(node, app, image)
        await _record(node, app)
    except BaseException:
        undo = roll_back_update(node, app, old, old_fingerprint, created, start=was_up)
        await asyncio.shield(asyncio.ensure_future(undo))
        raise
    # Whoever is killed before this leaves a container that belongs to no app, which the reconciliation removes.
    await node.podman.remove(previous_name(app.name), force=True)
    await _tell(node, app)


async def roll_back_install(node: Node, app: App, created: list[str], *, secrets_too: bool) -> None:
    """Remove all that an installation made. Volumes and generated secrets that were there before stay."""
    await building.tail(node, app)
    try:
        row = await node.podman.container(app.name)
        if row is None or row.labels.get("botserver.node") == node.podman.node:
            await building.remove_belongings(node, app.manifest, volumes=created, data_too=secrets_too)
    finally:
        await node.directory.remove_record(app.name)
        await node.unmark_user_stopped(app.name)
        await node.forgive(app.name)
        node.hide(app.name)


async def roll_back_update(
    node: Node, app: App, old: Manifest, fingerprint: str, created: list[str], *, start: bool
) -> None:
    """Bring the old container back, and start it when it ran before. Its record comes last: this can be done again."""
    await building.tail(node, app)
    if await node.podman.container(previous_name(app.name)) is not None:
        await node.podman.remove(app.name, force=True)
        await node.podman.rename(previous_name(app.name), app.name)
    for name in created:
        await node.podman.remove_volume(name)
    app.manifest, app.fingerprint = old, fingerprint
    # Podman looks for them when the old container starts, and the new version may have replaced or added some.
    await remove_secrets(node, app.name)
    await store_secrets(node, old)
    if start and app.name not in node.user_stopped:
        await node.podman.start(app.name)
    await node.look(app)
    await node.save_record(app, "installed")


async def repair(node: Node, app: App, record: dict[str, Any], old: Manifest | None) -> bool:
    """Finish what a killed process left half done. False when the app is not installed any more.

    An update counts as done when its new container had proved itself and only the old one was still to be removed.
    """
    volumes = [str(name) for name in record.get("volumes", ())]
    if record.get("stage") == "installing":
        log.warning("%s: its installation was interrupted; it is undone", app.name)
        await roll_back_install(node, app, volumes, secrets_too=not record.get("kept_secrets", True))
        return False
    if record.get("stage") == "updating" and old is not None:
        log.warning("%s: its update was interrupted; it is undone", app.name)
        fingerprint = str(record.get("previous_fingerprint", ""))
        row = await node.podman.container(app.name)
        waiting = await node.podman.container(previous_name(app.name))
        if waiting is None and row is not None and row.labels.get(FINGERPRINT_LABEL) != fingerprint:
            app.fingerprint = row.labels.get(FINGERPRINT_LABEL, "")
            await node.save_record(app, "installed")
        else:
            await roll_back_update(node, app, old, fingerprint, volumes, start=True)
    return True


async def _pull(node: Node, app: App) -> ImageRow:
    _reach(node, app, "PullingImage")
    image = parse_image(app.manifest.image)
    assert image is not None, "a manifest holds no other"

    def tell(attempt: int, error: PullError) -> None:
        log.warning("%s: pull %d failed: %s", app.name, attempt, error)

    return await pull_image(
        node.podman,
        node.clock,
        image,
        policy=app.manifest.pull_policy,
        limit=node.settings.pull_limit,
        on_failure=tell,
    )


async def find_image(node: Node, manifest: Manifest) -> ImageRow:
    """The image of an installed app, which is on this machine; pulled again when somebody removed it."""
    image = parse_image(manifest.image)
    if image is None:
        raise ImageMissingError(f"{manifest.id} names no image.")
    policy: PullPolicy = "never" if manifest.pull_policy == "never" else "missing"
    return await pull_image(node.podman, node.clock, image, policy=policy, limit=node.settings.pull_limit)


async def _bring_up(node: Node, app: App, image: ImageRow) -> None:
    _reach(node, app, "CreatingContainer")
    await building.create_container(node, app, image.id)
    _reach(node, app, "StartingContainer")
    await building.start_container(node, app)
    _reach(node, app, "WaitingHealthy")
    await _watch(node, app)
    _reach(node, app, "PostInstall")
    await run_hooks(node, app)


async def _watch(node: Node, app: App) -> None:
    """Return when it ran for the whole time, and is healthy if it can tell. Its end is noticed at once."""
    began = node.clock.monotonic()
    settle, limit = node.settings.settle, node.settings.health_limit
    while True:
        if app.state is not ContainerState.RUNNING or node.clock.monotonic() - began >= settle:
            await node.look(app)
            await building.refuse_when_down(node, app)
        waited = node.clock.monotonic() - began
        healthy = app.manifest.health_check is None or app.health is Health.HEALTHY
        if waited >= settle and healthy:
            return
        if waited >= max(settle, limit):
            log_text = await building.tail(node, app)
            raise StartError(f"{app.name} was not healthy within {max(settle, limit):g} seconds.", log=log_text)
        left = settle - waited if waited < settle else LOOK
        # Never nothing: floating point may leave a rest that no clock can show.
        await node.clock.sleep(max(min(LOOK, left), 0.01))


async def run_hooks(node: Node, app: App) -> None:
    """The commands that a new container needs, in order; each has to succeed."""
    for command in app.manifest.post_install:
        output = await node.podman.execute(app.name, command, limit=300.0)
        if output.code != 0:
            raise StartError(
                f"{app.name}: the hook {command[0]} failed with exit code {output.code}.",
                exit_code=output.code,
                log=output.err[-4000:],
            )


async def _record(node: Node, app: App) -> None:
    _reach(node, app, "Done")
    await node.save_record(app, "installed")


async def _tell(node: Node, app: App) -> None:
    app.enter(Phase.RUNNING, node.clock.monotonic())
    await node.notices.add("success", f"{app.manifest.title} is installed", "It runs.", app.name, "installed")


async def _missing_volumes(node: Node, manifest: Manifest) -> list[str]:
    there = await node.podman.volumes()
    wanted = [volume_name(manifest.id, volume.name) for volume in manifest.volumes]
    return [name for name in wanted if name not in there]


def _reach(node: Node, app: App, step: str) -> None:
    app.reach(step)
    node.show(app)

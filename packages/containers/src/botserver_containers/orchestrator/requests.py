"""What is checked before a job begins: images, dependencies, ports. Nothing is created when any of it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_containers.decisions.dependencies import dependents, find_cycle, missing
from botserver_containers.errors import (
    ImageRefusedError,
    ManifestError,
    MissingDependenciesError,
    PortTakenError,
    WrongStateError,
)
from botserver_containers.manifests.images import is_allowed, parse_image

if TYPE_CHECKING:
    from botserver_containers.manifests.manifest import Manifest
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.node import Node


def refuse_manifest(node: Node, manifest: Manifest) -> None:
    """Raise when this machine does not take such an app."""
    _refuse_image(node, manifest)
    if manifest.network == "host" and not node.settings.allow_host_network:
        raise ManifestError("app.container.network is host, which containers.allow_host_network does not allow.")
    others = {app.name: app for app in node.apps.values() if app.name != manifest.id}
    if lacking := missing(manifest.dependencies, others):
        raise MissingDependenciesError(
            f"{manifest.id} needs {', '.join(lacking)}, which {'is' if len(lacking) == 1 else 'are'} not installed.",
            lacking,
            remedy="Install what it needs first.",
        )
    needs = {name: app.manifest.dependencies for name, app in others.items()}
    if circle := find_cycle({**needs, manifest.id: manifest.dependencies}):
        raise MissingDependenciesError(f"These would wait for each other: {' -> '.join(circle)}.", circle)
    own = node.apps[manifest.id].manifest.ports if manifest.id in node.apps else ()
    _refuse_ports(manifest, others, {(port.protocol, port.host) for port in own})


def refuse_start(node: Node, app: App) -> None:
    """`WrongStateError` while something that it needs is not up."""
    down = [name for name in app.manifest.dependencies if name not in node.apps or not node.apps[name].observe().up]
    if down:
        raise WrongStateError(f"{app.name} needs {', '.join(down)}, which does not run.", remedy="Start that first.")


def refuse_removal(node: Node, app: App) -> None:
    """`MissingDependenciesError` while others need it."""
    needs = {it.name: it.manifest.dependencies for it in node.apps.values()}
    if users := dependents(app.name, needs):
        raise MissingDependenciesError(
            f"{app.name} is needed by {', '.join(users)}.", users, remedy="Uninstall those first."
        )


def _refuse_image(node: Node, manifest: Manifest) -> None:
    image = parse_image(manifest.image)
    if image is None or not is_allowed(image, node.settings.allowed_images):
        raise ImageRefusedError(
            f"The image {manifest.image} is not allowed here.",
            remedy=f"Allowed are {', '.join(node.settings.allowed_images) or 'none'}: see containers.allowed_images.",
        )
    if node.settings.require_digest and not image.digest:
        raise ImageRefusedError(f"The image {manifest.image} is not pinned.", remedy="Add its @sha256:… digest.")


def _refuse_ports(manifest: Manifest, others: dict[str, App], own: set[tuple[str, int]]) -> None:
    taken = {(port.protocol, port.host): app.name for app in others.values() for port in app.manifest.ports}
    for port in manifest.ports:
        if (owner := taken.get((port.protocol, port.host))) is not None:
            raise PortTakenError(f"Port {port.host}/{port.protocol} belongs to {owner}.")
        if (port.protocol, port.host) not in own and not _is_free(port.bind, port.host, port.protocol):
            raise PortTakenError(f"Port {port.host}/{port.protocol} is taken by another program.")


def _is_free(bind: str, port: int, protocol: str) -> bool:
    import socket

    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return False
    return True

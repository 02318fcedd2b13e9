"""The environment of a container: what its manifest says, facts of this machine, and secrets within Podman."""

from __future__ import annotations

import shutil
import socket
from fnmatch import fnmatchcase
from string import Template
from typing import TYPE_CHECKING

from botlib import Secret
from botserver_containers.errors import ManifestError
from botserver_containers.podman.arguments import secret_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from botserver_containers.manifests.manifest import Manifest
    from botserver_containers.orchestrator.node import Node

#: Who may be meant by BITCOIN_HOST, the best one first.
_BITCOIN = ("bitcoin-knots", "bitcoin-core", "bitcoin")


def resolve_environment(manifest: Manifest, directory: str, installed: Collection[str]) -> dict[str, str]:
    """The variables that are no secrets; derived ones win over plain ones."""
    if not manifest.derived_env:
        return dict(manifest.environment)
    facts = {
        "HOST_IP": _host_ip(),
        "HOST_MDNS": f"{socket.gethostname().split('.')[0]}.local",
        "DISK_GB": str(shutil.disk_usage(directory).total // 10**9),
        "BITCOIN_HOST": next((name for name in _BITCOIN if name in installed), ""),
    }
    derived = {name: Template(text).safe_substitute(facts) for name, text in manifest.derived_env.items()}
    return {**manifest.environment, **derived}


async def store_secrets(node: Node, manifest: Manifest) -> dict[str, str]:
    """Hand the secrets of an app to Podman; gives variable -> name of the secret there.

    Generated ones are the same each time, so that an app that was made anew finds the data it had.
    """
    names = {}
    for variable, reference in manifest.secret_env.items():
        if not any(fnmatchcase(reference, pattern) for pattern in node.settings.allowed_secrets):
            raise ManifestError(f"app.secret_env.{variable} names a secret that containers.allowed_secrets leaves out.")
        names[variable] = await _store(node, manifest.id, variable, await node.secrets.get(reference))
    for variable in manifest.generated_secrets:
        text = await node.directory.read_secret(manifest.id, variable, lambda: node.randomness.random_bytes(24).hex())
        names[variable] = await _store(node, manifest.id, variable, Secret(text))
    return names


async def remove_secrets(node: Node, app: str) -> None:
    """Take the secrets of an app out of Podman."""
    prefix = secret_name(node.podman.node, app, "")
    for name in await node.podman.secrets():
        # The rest is the name of a variable: without a dot, so an app named like the start of another is not meant.
        if name.startswith(prefix) and "." not in name.removeprefix(prefix):
            await node.podman.remove_secret(name)


async def _store(node: Node, app: str, variable: str, secret: Secret) -> str:
    name = secret_name(node.podman.node, app, variable)
    await node.podman.create_secret(name, secret)
    return name


def _host_ip() -> str:
    # A datagram socket that is connected knows the address it would use; nothing is sent.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address

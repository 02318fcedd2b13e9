"""How a container is created: with the least that its manifest can do with. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from botserver_containers.decisions.grace import stop_timeout_secs
from botserver_containers.manifests.documents import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botserver_containers.manifests.manifest import Manifest

#: Labels of our containers, volumes, networks and secrets.
NODE_LABEL = "botserver.node"
APP_LABEL = "botserver.app"
FINGERPRINT_LABEL = "botserver.fingerprint"
#: What a log of a container may take on disk.
LOG_SIZE = "10mb"


class Surroundings(NamedTuple):
    """What the manifest does not say: whose container it is, and what was found out on this machine.

    `environment` is that of the manifest with the derived variables; `secrets` is variable -> name of Podman's secret;
    `init` is the path of a small init for the container, which passes signals on and reaps, or "".
    """

    node: str
    image_id: str
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    init: str = ""


def volume_name(app: str, volume: str) -> str:
    """The name of a volume on this machine."""
    return f"{app}.{volume}"


def secret_name(node: str, app: str, variable: str) -> str:
    """The name of a secret within Podman."""
    return f"{node}.{app}.{variable}"


def create_arguments(manifest: Manifest, around: Surroundings) -> list[str]:
    """The arguments after `podman create`, fingerprint included."""
    options = [
        *_identity(manifest, around),
        *_privileges(manifest),
        *_limits(manifest),
        *_connections(manifest),
        *_variables(around),
    ]
    tail = [around.image_id, *manifest.command]
    mark = fingerprint(json.dumps([options, tail]))
    return ["--name", manifest.id, "--label", f"{FINGERPRINT_LABEL}={mark}", *options, *tail]


def fingerprint_of(arguments: list[str]) -> str:
    """The fingerprint within arguments that `create_arguments` made."""
    return arguments[3].partition("=")[2]


def _identity(manifest: Manifest, around: Surroundings) -> list[str]:
    init = ["--init", "--init-path", around.init] if around.init else []
    labels = {NODE_LABEL: around.node, APP_LABEL: manifest.id}
    return [
        *(word for name, value in labels.items() for word in ("--label", f"{name}={value}")),
        "--pull", "never",
        "--restart", "no",  # restarting is our business, and Podman forgets it at boot
        "--stop-timeout", str(stop_timeout_secs(manifest.id)),
        "--log-opt", f"max-size={LOG_SIZE}",
        *init,
    ]  # fmt: skip


def _privileges(manifest: Manifest) -> list[str]:
    security = manifest.security
    return [
        "--cap-drop",
        "all",
        *(word for capability in security.capabilities for word in ("--cap-add", capability)),
        "--security-opt",
        "no-new-privileges",
        *(["--read-only"] if security.read_only_root else []),
        *(["--user", security.user] if security.user else []),
    ]


def _limits(manifest: Manifest) -> list[str]:
    resources = manifest.resources
    memory = ["--memory", f"{resources.memory}b", "--memory-swap", f"{resources.memory}b"] if resources.memory else []
    cpus = ["--cpus", f"{resources.cpus:g}"] if resources.cpus else []
    return ["--pids-limit", str(resources.pids), *memory, *cpus]


def _connections(manifest: Manifest) -> list[str]:
    words = ["--network", manifest.network]
    for port in manifest.ports:
        bind = f"[{port.bind}]" if ":" in port.bind else port.bind
        words += ["--publish", f"{bind}:{port.host}:{port.container}/{port.protocol}"]
    for volume in manifest.volumes:
        options = ":ro" if volume.read_only else ""
        words += ["--volume", f"{volume_name(manifest.id, volume.name)}:{volume.target}{options}"]
    return words


def _variables(around: Surroundings) -> list[str]:
    plain = (word for name, value in around.environment.items() for word in ("--env", f"{name}={value}"))
    secret = (
        word for variable, name in around.secrets.items() for word in ("--secret", f"{name},type=env,target={variable}")
    )
    return [*plain, *secret]

"""An app as its manifest describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Protocol = Literal["tcp", "udp"]
Access = Literal["open", "gated", "local", "none", "session"]
CheckType = Literal["http", "tcp", "exec"]
PullPolicy = Literal["missing", "always", "never"]


@dataclass(frozen=True)
class Port:
    """A port of the container that the host offers at `bind`. `auth` is for the proxy in front: who may come in."""

    host: int
    container: int
    protocol: Protocol = "tcp"
    bind: str = "127.0.0.1"
    auth: Access = "local"


@dataclass(frozen=True)
class Volume:
    """A named volume, mounted at `target`. It belongs to the app and outlives its container."""

    name: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Resources:
    """Limits; `memory` in bytes, `cpus` in cores."""

    memory: int | None = None
    cpus: float | None = None
    pids: int = 512


@dataclass(frozen=True)
class Security:
    """What is added to the least privilege that every container starts with."""

    capabilities: tuple[str, ...] = ()
    read_only_root: bool = False
    user: str | None = None


@dataclass(frozen=True)
class HealthCheck:
    """How to tell that an app works. `interval` and `timeout` in seconds; `retries` failures in a row are unhealthy.

    `endpoint` is HOST:PORT on this machine, `path` the path of an HTTP check, `command` what an exec check runs inside.
    """

    type: CheckType
    endpoint: str = ""
    path: str = "/"
    command: tuple[str, ...] = ()
    interval: float = 10.0
    timeout: float = 5.0
    retries: int = 3


@dataclass(frozen=True)
class Manifest:
    """One app. `secret_env` holds references, never secrets; `generated_secrets` names variables that get a random one.

    `derived_env` are templates over facts of the host: `${HOST_IP}`, `${HOST_MDNS}`, `${DISK_GB}`, `${BITCOIN_HOST}`.
    """

    id: str
    image: str
    name: str = ""
    version: str = ""
    description: str = ""
    license: str = ""
    icon: str = ""
    instructions: str = ""
    pull_policy: PullPolicy = "missing"
    network: str = "bridge"
    command: tuple[str, ...] = ()
    derived_env: dict[str, str] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    security: Security = field(default_factory=Security)
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    secret_env: dict[str, str] = field(default_factory=dict)
    generated_secrets: tuple[str, ...] = ()
    post_install: tuple[tuple[str, ...], ...] = ()
    health_check: HealthCheck | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.id


#: A document as YAML or JSON gives it.
Document = dict[str, Any]

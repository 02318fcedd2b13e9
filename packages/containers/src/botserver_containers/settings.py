"""What an operator can choose: the part `containers` of the settings of a server."""

from __future__ import annotations

from dataclasses import dataclass, fields

from botlib import Secret


@dataclass(frozen=True)
class ContainersSettings:
    """Where things are, what is allowed, and how long things may take. All times are in seconds.

    `directory` is the data directory, below the data folder of the server unless it is absolute.
    `manifests` is a folder of NAME.yml files that can be installed by name.
    `podman` is the program; `containers_conf` and `storage_conf` are files of its own settings, when it has any.
    `password` is asked for by `auth.login`; without one, only this machine itself may call.
    `allowed_images` are patterns over registry and repository; `require_digest` refuses images that are not pinned.
    `allowed_secrets` are patterns over the references that a manifest may name in `secret_env`.
    `verify_registries` is whether registries must prove who they are; off is for a registry on this machine.
    `settle` is how long a new container is watched before it counts as installed; one with a health check has to be
    healthy after `health_limit`. `pull_limit` and `start_limit` bound pulling (all tries together) and starting.
    `scan_interval`, `monitor_interval`, `memory_interval` and `reconcile_interval` are the longest times between two
    looks; what happens meanwhile is noticed at once.
    """

    directory: str = "containers"
    manifests: str = ""
    podman: str = "podman"
    containers_conf: str = ""
    storage_conf: str = ""
    password: Secret | None = None
    allowed_images: tuple[str, ...] = ("docker.io/*", "ghcr.io/*", "quay.io/*", "localhost/*")
    require_digest: bool = False
    allow_host_network: bool = False
    allowed_secrets: tuple[str, ...] = ("env:APP_*",)
    verify_registries: bool = True
    settle: float = 30.0
    health_limit: float = 120.0
    pull_limit: float = 1800.0
    start_limit: float = 120.0
    scan_interval: float = 30.0
    monitor_interval: float = 60.0
    memory_interval: float = 300.0
    reconcile_interval: float = 21_600.0

    def __post_init__(self) -> None:
        if not self.directory:
            raise ValueError("directory is empty: give it a folder, or leave it out.")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not 0 < value <= 10_000_000:
                raise ValueError(f"{field.name} must be a number of seconds above 0.")

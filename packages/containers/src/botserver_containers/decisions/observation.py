"""What is seen of an app at one moment."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ContainerState(StrEnum):
    """The states that Podman tells, and `absent` for what it does not know."""

    ABSENT = "absent"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    EXITED = "exited"
    UNKNOWN = "unknown"


class Health(StrEnum):
    """What the checks of the manifest found. `unknown` when it has none, or while the app is not running."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    UNKNOWN = "unknown"


class Observation(NamedTuple):
    """One app. `down_since` is when its process ended, or it became unhealthy, in unix seconds, if that is known.

    `busy` while a job owns it.
    """

    name: str
    state: ContainerState
    exit_code: int = 0
    health: Health = Health.UNKNOWN
    down_since: float | None = None
    busy: bool = False
    depends_on: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        """Whether it runs and nothing speaks against it."""
        return self.state is ContainerState.RUNNING and self.health is not Health.UNHEALTHY

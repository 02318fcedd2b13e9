"""Containers for whoever wants to run something for a while: jobs, each of them one container that ends by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botlib import Secret


@dataclass(frozen=True)
class ContainerJob:
    """What is to run. `name` is unique among the jobs of a machine: small letters, digits and dashes, up to 63.

    `image` is already there or is pulled, and must be on the allow-list of the machine. `secrets` are variables too,
    and never visible on a command line. `memory` is in bytes. `grace` is how many seconds it has to end when it is
    stopped. `network` is "bridge" or "none".
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    memory: int | None = None
    cpus: float | None = None
    network: str = "bridge"
    grace: int = 30


class JobStatus(NamedTuple):
    """How a job stands: "running" or "ended". `exit_code` counts once it has ended."""

    name: str
    state: str
    exit_code: int = 0


class ContainerRunner(Protocol):
    """Runs jobs with least privilege. They run on when this process ends, and are found again by their names.

    Errors are those of botlib: `InvalidError` for a job that cannot be, `ForbiddenError` for an image that is not
    allowed, `ConflictError` for a name that is taken, `NotFoundError` for a job that is not there, and
    `UnavailableError` when the machine cannot do it now. Nothing is left behind when `run` raises.
    """

    async def run(self, job: ContainerJob) -> None:
        """Start it. It may have ended by the time this returns."""
        ...

    async def status(self, name: str) -> JobStatus:
        """How it stands now."""
        ...

    async def list(self) -> list[JobStatus]:
        """All jobs that were not removed, by name."""
        ...

    async def stop(self, name: str) -> JobStatus:
        """Signal it, kill it after its grace, and tell how it ended. One that has ended is left as it is."""
        ...

    async def logs(self, name: str, *, lines: int = 100) -> str:
        """The last lines that it wrote."""
        ...

    async def remove(self, name: str) -> None:
        """Remove it with all that belongs to it, killed if need be. One that is not there is removed already."""
        ...


CONTAINERS = Capability[ContainerRunner]("containers", remedy="Install botserver[containers], and Podman.")

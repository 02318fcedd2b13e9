"""An installed app, as this process knows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions.labels import label
from botserver_containers.decisions.observation import ContainerState, Health, Observation
from botserver_containers.decisions.phases import Phase, next_percent

if TYPE_CHECKING:
    from botserver_containers.manifests.manifest import Manifest
    from botserver_containers.podman.rows import Row


@dataclass
class App:
    """Changes only in the event loop. `looks` counts what was heard of it, so that an old look never beats news.

    `phase_since` is on the monotonic clock, `unhealthy_since` in unix seconds; `settled` is the phase to fall back to
    when a job fails.
    """

    manifest: Manifest
    phase: Phase
    phase_since: float
    settled: Phase = Phase.STOPPED
    row: Row | None = None
    health: Health = Health.UNKNOWN
    unhealthy_since: float | None = None
    step: str = ""
    percent: int = 0
    reason: str = ""
    fingerprint: str = ""
    restarts: int = 0
    looks: int = 0
    log: str = ""
    job: asyncio.Task[None] | None = field(default=None, repr=False)
    #: Held from the first look at a request to the beginning of its job, so that two requests never mix.
    gate: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def name(self) -> str:
        """Its id."""
        return self.manifest.id

    @property
    def busy(self) -> bool:
        """Whether a job is at work."""
        return self.job is not None and not self.job.done()

    @property
    def state(self) -> ContainerState:
        """The state of its container."""
        return self.row.state if self.row is not None else ContainerState.ABSENT

    def enter(self, phase: Phase, now: float) -> None:
        """Change the phase."""
        if not self.phase.transitional:
            self.settled = self.phase
        if phase is not self.phase:
            self.phase, self.phase_since = phase, now

    def reach(self, step: str) -> None:
        """Note the progress of an installation."""
        self.step, self.percent = step, next_percent(self.percent, step)

    def observe(self) -> Observation:
        """What the monitor decides on."""
        row = self.row
        return Observation(
            self.name,
            self.state,
            row.exit_code if row is not None else 0,
            self.health,
            self.unhealthy_since if row is None or row.down_since is None else row.down_since,
            self.busy or self.phase.transitional,
            self.manifest.dependencies,
        )

    def entry(self) -> dict[str, Any]:
        """Its part of the document that clients see."""
        manifest = self.manifest
        entry: dict[str, Any] = {
            "state": str(self.phase),
            "health": str(self.health),
            "restarts": self.restarts,
            "manifest": {
                "id": manifest.id,
                "title": manifest.title,
                "version": manifest.version,
                "description": manifest.description,
                "image": manifest.image,
            },
            "static-files": {
                "license": manifest.license,
                "instructions": manifest.instructions,
                "icon": manifest.icon,
            },
            "installed": {
                "status": str(self.state),
                "interface-addresses": {
                    f"{port.container}/{port.protocol}": {"lan-address": f"{port.bind}:{port.host}"}
                    for port in manifest.ports
                },
                "current-dependencies": list(manifest.dependencies),
            },
        }
        if self.row is not None and self.row.down_since is not None:
            entry["exit_code"] = self.row.exit_code
            entry["label"] = "stopped" if self.phase is Phase.STOPPED else label(self.row.exit_code)
        if self.phase in {Phase.INSTALLING, Phase.UPDATING} and self.step:
            entry["install-progress"] = {"message": self.step, "phase": self.step, "percent": self.percent}
        if self.reason:
            entry["reason"] = self.reason
        if self.log:
            entry["log"] = self.log
        return entry

"""The state of an app as people see it, and who may change it: a job while it works, the scan otherwise."""

from __future__ import annotations

from enum import StrEnum

from botserver_containers.decisions.grace import LONGEST
from botserver_containers.decisions.observation import ContainerState


class Phase(StrEnum):
    """Settled ones come from what Podman tells; the others belong to the job that is at work."""

    INSTALLING = "installing"
    UPDATING = "updating"
    REMOVING = "removing"
    STARTING = "starting"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    RUNNING = "running"
    STOPPED = "stopped"
    EXITED = "exited"

    @property
    def transitional(self) -> bool:
        """Whether a job owns it."""
        return self not in _SETTLED


_SETTLED = frozenset([Phase.RUNNING, Phase.STOPPED, Phase.EXITED])

#: Seconds after which a transition is stuck, and Podman is believed again.
STUCK_AFTER = 2.0 * LONGEST

#: Name and percent of each step of an installation, in order.
PROGRESS = {
    "Preparing": 5,
    "PullingImage": 20,
    "CreatingContainer": 70,
    "StartingContainer": 80,
    "WaitingHealthy": 88,
    "PostInstall": 95,
    "Done": 100,
}


def phase_after_scan(phase: Phase, age: float, state: ContainerState, exit_code: int, *, user_stopped: bool) -> Phase:
    """The phase after a look at the container; `age` is how many seconds the phase is old.

    A transition stays what it is until it is stuck. Whoever was stopped by the user is stopped, whatever answers.
    """
    if phase.transitional and age < STUCK_AFTER:
        return phase
    if user_stopped:
        return Phase.STOPPED
    if state in {ContainerState.RUNNING, ContainerState.PAUSED}:
        return Phase.RUNNING
    if state in {ContainerState.EXITED, ContainerState.STOPPED} and exit_code != 0:
        return Phase.EXITED
    return Phase.STOPPED


def next_percent(percent: int, step: str) -> int:
    """The percentage once this step is reached; it never goes back."""
    return max(percent, PROGRESS[step])

"""When a bot is given up. Pure: ages in, reason out. The limits are those of the contract, section 5.7."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from botserver_meetings.states import Status

#: The reason of a bot that was told to leave, and did.
STOPPED = "stopped"


class Sight(Enum):
    """What the runner knows of a bot's process. Not to see one is not to see that it is dead."""

    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Limits:
    """Seconds that a bot may stay in a state without a sign of life; `stop` is what it has to leave when told to."""

    reserved: float = 300.0
    starting: float = 600.0
    active: float = 120.0
    stopping: float = 300.0
    stop: float = 30.0

    def __post_init__(self) -> None:
        if min(self.reserved, self.starting, self.active, self.stopping, self.stop) <= 0:
            raise ValueError("The limits of meetings are numbers of seconds, more than zero.")

    def of(self, status: Status) -> float:
        """The limit in this state."""
        by_status = {
            Status.RESERVED: self.reserved,
            Status.STARTING: self.starting,
            Status.AWAITING_ADMISSION: self.starting,
            Status.ACTIVE: self.active,
            Status.STOPPING: self.stopping,
        }
        return by_status[status]


@dataclass(frozen=True)
class Ages:
    """Seconds since it was reserved, started, last gave a sign of life, and was told to leave (None: it was not)."""

    created: float
    started: float | None
    beat: float
    told_to_leave: float | None = None


def reason_to_give_up(limits: Limits, status: Status, ages: Ages, sight: Sight) -> str:
    """Why this bot is over although it did not say so, or "" while it may live.

    A process that is known to have exited is over at once. One that is not seen may live on another machine: then only
    its own silence counts, measured from the moment that the contract names for its state.
    """
    if sight is Sight.EXITED and ages.beat > _GRACE_AFTER_EXIT:
        return "process_exited"
    if ages.told_to_leave is not None and ages.told_to_leave > limits.stop:
        return STOPPED
    silent = {
        Status.RESERVED: ages.created,
        Status.STARTING: ages.started if ages.started is not None else ages.created,
        Status.AWAITING_ADMISSION: ages.started if ages.started is not None else ages.created,
    }.get(status, ages.beat)
    name = Status.STARTING if status is Status.AWAITING_ADMISSION else status
    return f"stale_{name.value}_timeout" if silent > limits.of(status) else ""


# The last callback of a bot may still be under way when its process is gone.
_GRACE_AFTER_EXIT = 5.0

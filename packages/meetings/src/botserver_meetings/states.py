"""The life of a meeting bot: which states there are, which follow which, and who may cause it. One table, no I/O.

The names are those of the first API of this kind (contract, section 5); `profiles` translates them for v0.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


class Status(StrEnum):
    """Where a bot stands. The row of its meeting is the only place that keeps it."""

    RESERVED = "reserved"
    STARTING = "starting"
    AWAITING_ADMISSION = "awaiting_admission"
    ACTIVE = "active"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"


class Cause(StrEnum):
    """Who makes a bot move on."""

    BOT = "bot"
    USER = "user"
    LAUNCH = "launch"
    SWEEP = "sweep"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED})
#: What takes one of the user's places. A bot that stops does not: its user may start the next one.
COUNTED = frozenset({Status.RESERVED, Status.STARTING, Status.AWAITING_ADMISSION, Status.ACTIVE})
OPEN = frozenset(Status) - TERMINAL

Table = dict[tuple[Status, Status], frozenset[Cause]]

_BOT = frozenset({Cause.BOT})
_ENDS = {
    Status.COMPLETED: frozenset({Cause.BOT, Cause.USER, Cause.SWEEP}),
    Status.FAILED: frozenset({Cause.BOT, Cause.LAUNCH, Cause.SWEEP}),
}
# From every state that is not an end a bot can be told to end, can crash, and can be given up.
_TO_THE_END: Table = {(start, end): causes for start in OPEN for end, causes in _ENDS.items()}

#: (from, to) -> who may cause it. What is not here does not happen.
SEED_TABLE: Table = {
    (Status.RESERVED, Status.STARTING): _BOT,
    (Status.STARTING, Status.ACTIVE): _BOT,
    (Status.STARTING, Status.STOPPING): _BOT,
    (Status.ACTIVE, Status.STOPPING): _BOT,
    **_TO_THE_END,
}
V06_TABLE: Table = {
    (Status.RESERVED, Status.STARTING): _BOT,
    (Status.STARTING, Status.AWAITING_ADMISSION): _BOT,
    (Status.AWAITING_ADMISSION, Status.ACTIVE): _BOT,
    **{(start, Status.STOPPING): frozenset({Cause.BOT, Cause.USER}) for start in OPEN - {Status.STOPPING}},
    **_TO_THE_END,
}


def may_follow(table: Table, current: Status, target: Status, cause: Cause) -> bool:
    """Whether this one may bring a bot from here to there."""
    return cause in table.get((current, target), frozenset())


@dataclass(frozen=True)
class Transition:
    """One step in the life of a bot. `reason` is "" when there is nothing to say."""

    start: Status
    end: Status
    at: datetime
    cause: Cause
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the row keeps it: time in UTC without an offset, as everywhere in this API."""
        kept = {
            "from": self.start.value,
            "to": self.end.value,
            "timestamp": self.at.replace(tzinfo=None).isoformat(),
            "source": self.cause.value,
        }
        return {**kept, "reason": self.reason} if self.reason else kept


def is_legal_history(table: Table, history: Iterable[Mapping[str, Any]]) -> bool:
    """Whether these steps, as a row keeps them, lead from `reserved` on without a gap and by the table."""
    current = Status.RESERVED
    for step in history:
        start, end, cause = Status(step["from"]), Status(step["to"]), Cause(step["source"])
        if start is not current or not may_follow(table, start, end, cause):
            return False
        current = end
    return True

"""The two dialects of the API: `seed`, the one of the smoke-test plan, and `v0.6`, the release after it.

What is stored is the same in both. A profile decides the names of states, the table of transitions, the codes, and the
sentences that clients have been seen to compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botserver_meetings.states import SEED_TABLE, V06_TABLE, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botserver_meetings.states import Table


@dataclass(frozen=True)
class Profile:
    """One dialect. `names` has only the states whose name differs from the stored one.

    `stop_text` answers every stop but those that `stop_texts` has, by the value of `commands.Stop`.
    `callback` is the report whose address a bot is given; the others lie beside it.
    `refuses_twins`: a user may have one open meeting for a platform and id, not several.
    `stop_finalizes`: who stops a bot that is not in its meeting yet ends it at once, and the stop of an active one is
    seen in its status before the bot has answered.
    `keeps_deleted`: deleting a meeting keeps its row without content, and is for ended ones only.
    `tells_every_step`: webhooks are told every step, not ends only.
    """

    name: str
    table: Table
    created_code: int
    full_code: int
    full_text: str
    stop_text: str
    stop_texts: Mapping[str, str] = field(default_factory=dict)
    callback: str = "exited"
    names: Mapping[Status, str] = field(default_factory=dict)
    refuses_twins: bool = False
    stop_finalizes: bool = False
    keeps_deleted: bool = False
    tells_every_step: bool = False

    def name_of(self, status: Status) -> str:
        """The state as clients of this dialect know it."""
        return self.names.get(status, status.value)

    def status_of(self, name: str) -> Status | None:
        """The state of this name, or None when the dialect has none."""
        for status in Status:
            if self.name_of(status) == name:
                return status
        return None


SEED = Profile(
    name="seed",
    table=SEED_TABLE,
    created_code=202,
    full_code=429,
    full_text="Maximum concurrent bots limit reached ({limit})",
    stop_text="Stop request accepted and is being processed",
)
V06 = Profile(
    name="v0.6",
    table=V06_TABLE,
    created_code=201,
    full_code=403,
    full_text="User has reached the maximum concurrent bot limit ({limit}).",
    stop_text="Stop request accepted and is being processed.",
    names={Status.RESERVED: "requested", Status.STARTING: "joining"},
    stop_texts={
        "already over": "Meeting already completed.",
        "finalized": "Stop request accepted; meeting finalized immediately (pre-active).",
    },
    callback="status_change",
    refuses_twins=True,
    stop_finalizes=True,
    keeps_deleted=True,
    tells_every_step=True,
)
PROFILES: Mapping[str, Profile] = {it.name: it for it in (SEED, V06)}

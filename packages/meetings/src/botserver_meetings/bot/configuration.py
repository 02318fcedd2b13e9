"""What BOT_CONFIG says, as the bot needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SINGLE = "status_change"


@dataclass(frozen=True)
class Configuration:
    """`callbacks` is the address below which all reports go; `single` when there is one report for every step.

    `everyone_left` is seconds alone until it leaves.
    """

    meeting_id: int
    native_meeting_id: str
    connection_id: str
    token: str
    callbacks: str
    single: bool
    language: str
    task: str
    redis_url: str | None
    everyone_left: float

    @property
    def internal(self) -> str:
        """The address below which commands and transcripts go."""
        return self.callbacks.removesuffix("/callback")


def read_configuration(value: Mapping[str, Any]) -> Configuration:
    """The configuration in a parsed BOT_CONFIG. All addresses follow from the one for `exited`, as in the contract."""
    callbacks, _, last = value["botManagerCallbackUrl"].rpartition("/")
    return Configuration(
        meeting_id=value["meeting_id"],
        native_meeting_id=value["nativeMeetingId"],
        connection_id=value["connectionId"],
        token=value["token"],
        callbacks=callbacks,
        single=last == _SINGLE,
        language=value["language"],
        task=value["task"],
        redis_url=value.get("redisUrl"),
        everyone_left=value["automaticLeave"]["everyoneLeftTimeout"] / 1000,
    )

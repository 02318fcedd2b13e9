"""A meeting that is not there: people who come, say their lines, and go after a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that it takes to be let in, that a line takes, and that people stay after the bot has come.
ADMISSION = 0.3
LINE = 1.0
STAY = 900.0
#: Seconds between two lines when the talk is over.
PAUSE = 10.0

_SPEAKERS = ("Anna", "Ben")
_LINES = (
    "Good morning, shall we begin?",
    "Yes, the agenda has three points today.",
    "The first one is the release of the new version.",
    "All tests have passed since yesterday evening.",
    "Then let us talk about the second point.",
    "Who takes the minutes this time?",
    "The bot does, it is listening already.",
    "Thank you all, see you next week.",
)


@dataclass(frozen=True)
class Spoken:
    """A line of the script: who begins to say it when, in seconds from the moment the bot came."""

    start: float
    speaker: str
    text: str

    def partial(self, language: str) -> dict[str, Any]:
        """What is heard while it is being said."""
        return self._piece(" ".join(self.text.split()[: max(2, len(self.text.split()) // 2)]), language, final=False)

    def whole(self, language: str) -> dict[str, Any]:
        """What was said in the end."""
        return self._piece(self.text, language, final=True)

    def _piece(self, text: str, language: str, *, final: bool) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": round(self.start + LINE * 0.9, 3),
            "text": text,
            "language": language,
            "speaker": self.speaker,
            "completed": final,
        }


def script() -> Iterator[Spoken]:
    """All that will be said, in order and without an end: first a talk, then the same lines with long pauses."""
    start = 0.0
    for number in count():
        yield Spoken(start, _SPEAKERS[number % len(_SPEAKERS)], _LINES[number % len(_LINES)])
        start += LINE if number + 1 < len(_LINES) else PAUSE


def seconds_until_leaving(everyone_left: float) -> float:
    """When a bot has been alone for long enough, from the moment it came."""
    return STAY + everyone_left

"""Pieces of a transcript: from what a bot sends to what a reader gets. Pure.

While somebody speaks a piece is *mutable*: the bot sends it again, longer or corrected. Then it is *final* and never
changes. Pieces may come twice, out of order, and after the meeting has ended.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

LONGEST_TEXT = 10_000  # characters of one piece
MOST_AT_ONCE = 500
_LATEST = 7 * 24 * 3600.0  # seconds; no meeting is longer
_SHORTEST_TEXT = 3
_WORD = re.compile(r"[^\W\d_]{2,}|\d")
# What speech recognition hears in silence: sounds and remarks in brackets, and nothing else.
_NOISE = re.compile(r"[\[(<*♪][^\])>*♪]*[\])>*♪][.!?…\s]*")


@dataclass(frozen=True)
class Segment:
    """What one speaker said. `start` and `end` are seconds from the start of the bot's session."""

    start: float
    end: float
    text: str
    language: str | None = None
    speaker: str | None = None
    final: bool = True

    @property
    def key(self) -> int:
        """Milliseconds from the start: a piece with the same ones, of the same session, is the same piece."""
        return round(self.start * 1000)


def read_segments(items: Iterable[Any]) -> list[Segment]:
    """The pieces among what a bot sent. What is no piece, or holds no words, is left out and stops nothing."""
    found = (_read(item) for item in items)
    return [it for it in found if it is not None and not is_noise(it.text)]


def is_noise(text: str) -> bool:
    """Whether there is nothing in it that a reader would miss."""
    plain = text.strip()
    return len(plain) < _SHORTEST_TEXT or not _WORD.search(plain) or _NOISE.fullmatch(plain) is not None


def merge(known: Mapping[int, Segment], arrived: Iterable[Segment]) -> dict[int, Segment]:
    """The pieces that are new or changed, by key. A final piece stays; a mutable one gives way to what comes."""
    changed: dict[int, Segment] = {}
    for segment in arrived:
        before = changed.get(segment.key) or known.get(segment.key)
        if before is None or (not before.final and segment != before):
            changed[segment.key] = segment
    return changed


@dataclass(frozen=True)
class Line:
    """A piece with its place on the clock of the wall: its times count from `session_start`."""

    segment: Segment
    session_start: datetime
    created_at: datetime | None = None


def put_in_order(lines: Iterable[Line]) -> list[Line]:
    """As a reader wants them: by the time on the wall, and of pieces that overlap and say the same only one."""
    kept: dict[int, Line] = {}
    said: dict[tuple[str, str | None], int] = {}  # who said what -> where in `kept` that stands last
    ordered = sorted(lines, key=lambda it: (_absolute(it), it.segment.end, it.segment.text))
    for number, line in enumerate(ordered):
        words = (line.segment.text.casefold(), line.segment.speaker)
        before = said.get(words)
        if before is not None and _overlap(kept[before], line):
            if kept[before].segment.final or not line.segment.final:
                continue
            del kept[before]
        said[words] = number
        kept[number] = line
    return list(kept.values())


def _read(item: Any) -> Segment | None:
    if not isinstance(item, dict):
        return None
    start, end, text = _seconds(item.get("start")), _seconds(item.get("end")), item.get("text")
    if start is None or end is None or end < start or not isinstance(text, str):
        return None
    return Segment(
        start=start,
        end=end,
        text=_clean(text)[:LONGEST_TEXT].strip(),
        language=_short(item.get("language"), 10),
        speaker=_short(item.get("speaker"), 255),
        final=item.get("completed", item.get("final", True)) is not False,
    )


def _seconds(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= _LATEST else None


def _short(value: Any, most: int) -> str | None:
    return (_clean(value).strip()[:most] or None) if isinstance(value, str) else None


def _clean(text: str) -> str:
    # Neither a database nor UTF-8 takes these.
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _absolute(line: Line) -> float:
    return line.session_start.timestamp() + line.segment.start


def _overlap(one: Line, later: Line) -> bool:
    return _absolute(later) < _absolute(one) + (one.segment.end - one.segment.start)

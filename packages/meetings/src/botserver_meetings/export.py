"""A transcript as a file: plain text, SRT, WebVTT or JSON. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from botserver_meetings.segments import Segment


class Format(NamedTuple):
    """How one kind of file is made and called."""

    render: Callable[[Sequence[Segment]], str]
    media_type: str


def render_text(segments: Sequence[Segment]) -> str:
    """One line a piece: time, speaker, words."""
    return "".join(f"[{_clock(it.start, '.')[:8]}] {_who(it)}{_one_line(it.text)}\n" for it in segments)


def render_srt(segments: Sequence[Segment]) -> str:
    """SubRip: numbered pieces, milliseconds after a comma."""
    return "".join(
        f"{number}\n{_clock(it.start, ',')} --> {_clock(it.end, ',')}\n{_who(it)}{_one_line(it.text)}\n\n"
        for number, it in enumerate(segments, 1)
    )


def render_vtt(segments: Sequence[Segment]) -> str:
    """WebVTT: the speaker is a voice span; what would be markup is escaped."""
    cues = (
        f"{_clock(it.start, '.')} --> {_clock(it.end, '.')}\n{_voice(it)}{_escape(_one_line(it.text))}\n\n"
        for it in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def render_json(segments: Sequence[Segment]) -> str:
    """A list of objects."""
    rows = [
        {"start": it.start, "end": it.end, "text": it.text, "language": it.language, "speaker": it.speaker}
        for it in segments
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


#: The name of a format in the API -> how it is made.
FORMATS: Mapping[str, Format] = {
    "json": Format(render_json, "application/json"),
    "srt": Format(render_srt, "application/x-subrip"),
    "txt": Format(render_text, "text/plain"),
    "vtt": Format(render_vtt, "text/vtt"),
}


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{mark}{milliseconds:03}"


def _who(segment: Segment) -> str:
    return f"{_one_line(segment.speaker)}: " if segment.speaker else ""


def _voice(segment: Segment) -> str:
    return f"<v {_escape(_one_line(segment.speaker))}>" if segment.speaker else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())  # an empty line would end the piece


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""What an event looks like on its way. Pure.

{"version": 1, "id": "01973c2e-…", "time": "2030-01-01T12:00:00+00:00", "kind": "meeting.ended", "data": {…}}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, is_dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from botlib import InvalidError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

E = TypeVar("E")
VERSION = 1
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_LONGEST_NAME = 80


@dataclass(frozen=True, eq=False)
class Topic(Generic[E]):
    """A kind of event. A constant beside the frozen dataclass that says what happened:

        MEETING_ENDED = Topic("meeting.ended", MeetingEnded)

    The name is what other processes know it by, and is never used for anything else. Fields may be added, with a
    default; a reader that does not know them yet leaves them out.
    """

    name: str
    kind: type[E]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST_NAME:
            raise ValueError(f"A topic has a name such as meeting.ended, not {self.name!a}.")
        if not is_dataclass(self.kind):
            raise ValueError(f"The events of {self.name} are a frozen dataclass.")

    @cached_property
    def adapter(self) -> TypeAdapter[E]:
        """Converts between the dataclass and JSON."""
        from pydantic import TypeAdapter  # a tenth of a second that only those who tell or hear something need

        return TypeAdapter(self.kind)


@dataclass(frozen=True)
class Received(Generic[E]):
    """An event with when it was told. `id` is the same wherever and however often it arrives."""

    id: UUID
    time: datetime
    event: E


def pack(topic: Topic[E], received: Received[E]) -> dict[str, Any]:
    """The envelope, as JSON values. `InvalidError` when the event is of another type."""
    if not isinstance(received.event, topic.kind):
        raise InvalidError(f"An event of the topic {topic.name} is a {topic.kind.__name__}.")
    return {
        "version": VERSION,
        "id": str(received.id),
        "time": received.time.isoformat(),
        "kind": topic.name,
        "data": topic.adapter.dump_python(received.event, mode="json"),
    }


def unpack(topic: Topic[E], envelope: bytes | dict[str, Any]) -> Received[E]:
    """What was packed. `InvalidError` for another version, another topic, or data that do not fit."""
    try:
        read = json.loads(envelope) if isinstance(envelope, bytes) else envelope
        if read["version"] != VERSION or read["kind"] != topic.name:
            raise InvalidError(f"An event of the topic {topic.name} is in an envelope that is not understood.")
        event = topic.adapter.validate_json(json.dumps(read["data"]))
        return Received(UUID(read["id"]), datetime.fromisoformat(read["time"]), event)
    except (ValueError, KeyError, TypeError):  # what pydantic raises is a ValueError
        raise InvalidError(f"An event of the topic {topic.name} cannot be understood.") from None

"""Events: what happened, told by one service to whoever wants to know. Importing it loads nothing heavy.

`Events` tells those who listen now. `RecordedEvents` tells those who must not miss any, as part of a unit of work.
"""

from botstate.events.envelope import Received, Topic
from botstate.events.events import EVENTS, Events
from botstate.events.recorded import RECORDED_EVENTS, RecordedEvents
from botstate.events.service import events_service, recorded_events_service

__all__ = [
    "EVENTS",
    "RECORDED_EVENTS",
    "Events",
    "Received",
    "RecordedEvents",
    "Topic",
    "events_service",
    "recorded_events_service",
]

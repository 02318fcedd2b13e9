"""What every operation of this service works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botstate import Capability

if TYPE_CHECKING:
    from botlib import Clock, Randomness
    from botserver_meetings.profiles import Profile
    from botserver_meetings.runner import BotRunner
    from botserver_meetings.settings import MeetingsSettings
    from botserver_meetings.wire import Wire
    from botstate import Channels, Database, Secrets
    from botstate.webhooks.webhooks import Webhooks


@dataclass(frozen=True)
class Context:
    """Opened parts of the state, and what the operator has chosen.

    `allowed_hosts` are places that webhooks may go to although they are not public.
    """

    settings: MeetingsSettings
    profile: Profile
    database: Database
    channels: Channels
    secrets: Secrets
    clock: Clock
    randomness: Randomness
    runner: BotRunner
    wire: Wire
    webhooks: Webhooks
    allowed_hosts: tuple[str, ...] = ()


MEETINGS = Capability[Context]("meetings")

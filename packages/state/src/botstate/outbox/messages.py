"""What the outbox holds, and what it tells about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botlib import BotError, Seconds
from botstate.capability import Capability

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from botstate.outbox.outbox import Outbox  # noqa: F401 - the type of the capability


#: "pending" until it is delivered, or given up as "dead".
MessageState = Literal["pending", "delivered", "dead"]
#: How one attempt ended. "lost": its process died, or was cut off; nobody knows how far it came. "stopped": its process
#: ended in good order before the attempt did.
Outcome = Literal["delivered", "failed", "dead", "lost", "stopped"]


@dataclass(frozen=True)
class Message:
    """What a handler gets. `id` is the same at every attempt: whoever receives it can tell a duplicate by it."""

    id: UUID
    kind: str
    key: str
    payload: Mapping[str, Any]
    created: datetime
    attempt: int


#: Delivers a message. When it returns the message is delivered; when it raises there is another attempt, after
#: `retry_after` seconds at least if the error has such a number; `UndeliverableError` ends them.
Handler = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class StoredMessage:
    """A message as its owner sees it. `due` is when the next attempt is made, for a pending one."""

    id: UUID
    kind: str
    key: str
    state: MessageState
    attempts: int
    created: datetime
    due: datetime


@dataclass(frozen=True)
class Delivery:
    """One attempt: who made it, when, and what came of it. `next_try` is None after the last one."""

    message: UUID
    attempt: int
    worker: str
    started: datetime
    ended: datetime
    outcome: Outcome
    detail: str
    next_try: datetime | None


class UndeliverableError(BotError):
    """A handler raises it when no further attempt can succeed."""

    code = "undeliverable"


@dataclass(frozen=True)
class OutboxSettings:
    """How deliveries are made. Times are in seconds.

    `seconds` is what one delivery may take; a message is leased for twice as long, and another process takes it over
    after that. The pause after a failure doubles from `first_pause` to `longest_pause`, with up to half of it taken off
    by chance; after `attempts` a message is dead. `poll` is how often to look when no hint comes. `concurrency`
    deliveries run at once. Messages that are done with are forgotten after `keep_days`.
    """

    seconds: Seconds = 30.0
    attempts: int = 14
    first_pause: Seconds = 5.0
    longest_pause: Seconds = 21_600.0
    poll: Seconds = 2.0
    concurrency: int = 8
    stop_seconds: Seconds = 10.0
    keep_days: int = 30

    def __post_init__(self) -> None:
        if min(self.seconds, self.first_pause, self.longest_pause, self.poll) <= 0 or self.stop_seconds < 0:
            raise ValueError("seconds, first_pause, longest_pause and poll are numbers of seconds, more than zero.")
        if min(self.attempts, self.concurrency, self.keep_days) < 1:
            raise ValueError("attempts, concurrency and keep_days are at least 1.")


OUTBOX = Capability["Outbox"]("outbox", remedy="Add `botstate.outbox_service` to the services.")

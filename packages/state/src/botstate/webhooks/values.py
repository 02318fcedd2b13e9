"""What a webhook is, and what an operator can set about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botlib import Seconds
from botstate.capability import Capability

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from botstate.webhooks.webhooks import Webhooks  # noqa: F401 - the type of the capability


@dataclass(frozen=True)
class Webhook:
    """Where to send what happens to `owner`. `events` are the kinds that are sent; none named is all of them.

    `failures` is how many attempts in a row have failed. When `disabled` is not empty nothing is sent, and it is the
    reason, in a sentence for the owner.
    """

    id: UUID
    owner: str
    url: str
    events: tuple[str, ...]
    created: datetime
    failures: int
    disabled: str


@dataclass(frozen=True)
class WebhookSettings:
    """`disable_after` attempts in a row that fail, a webhook is disabled. `seconds` is what one attempt may take."""

    disable_after: int = 25
    seconds: Seconds = 15.0

    def __post_init__(self) -> None:
        if self.disable_after < 1 or self.seconds <= 0:
            raise ValueError("disable_after is at least 1, and seconds more than zero.")


WEBHOOKS = Capability["Webhooks"]("webhooks", remedy="Add `botstate.webhooks_service` to the services.")

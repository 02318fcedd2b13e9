"""The transactional outbox: what a unit of work wants done outside of the database, done at least once afterwards.

A unit that enqueues a message and is undone leaves no message; one that is committed leaves one that is delivered until
somebody took it, also when this process dies at any moment. Importing it loads no SQLAlchemy.
"""

from botstate.outbox.messages import (
    OUTBOX,
    Delivery,
    Handler,
    Message,
    MessageState,
    OutboxSettings,
    Outcome,
    StoredMessage,
    UndeliverableError,
)
from botstate.outbox.service import outbox_service

__all__ = [
    "OUTBOX",
    "Delivery",
    "Handler",
    "Message",
    "MessageState",
    "OutboxSettings",
    "Outcome",
    "StoredMessage",
    "UndeliverableError",
    "outbox_service",
]

"""Webhooks: telling other people's servers what happened, so that they can be sure who says it.

Signed as https://www.standardwebhooks.com has it, delivered by the outbox, sent by the guarded client.
"""

from botstate.webhooks.service import webhooks_service
from botstate.webhooks.signing import WINDOW, WebhookVerifier, create_secret, sign
from botstate.webhooks.values import WEBHOOKS, Webhook, WebhookSettings

__all__ = [
    "WEBHOOKS",
    "WINDOW",
    "Webhook",
    "WebhookSettings",
    "WebhookVerifier",
    "create_secret",
    "sign",
    "webhooks_service",
]

"""Signatures of webhooks, as Standard Webhooks has them: the libraries of many languages can check them.

    webhook-id: 01973c2e-…            the same at every attempt: a duplicate is known by it
    webhook-timestamp: 1767225600     when this attempt was made, in seconds since 1970
    webhook-signature: v1,BASE64 …    one for each secret that is valid, with a space between

A signature is HMAC-SHA256 over `id.timestamp.body`, the body as it is sent, byte for byte. A secret is written
`whsec_BASE64` and holds 24 to 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from botlib import ConflictError, InvalidError, Secret, UnauthenticatedError
from botstate.http import find_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botlib import Clock, Randomness
    from botstate.cache import Cache
    from botstate.http import Headers

#: Seconds that a timestamp may be away from now, in either direction.
WINDOW = 300
_PREFIX = "whsec_"
_VERSION = "v1,"
_MOST_SIGNATURES = 10


def create_secret(randomness: Randomness) -> Secret:
    """A new secret. Show it once to whoever receives the webhooks."""
    return Secret(_PREFIX + base64.b64encode(randomness.random_bytes(32)).decode())


def check_secret(secret: Secret) -> None:
    """`InvalidError` for a secret that is none. The message does not repeat it."""
    _key(secret)


def sign(secrets: Sequence[Secret], identifier: str, timestamp: int, body: bytes) -> Headers:
    """The three headers that go with this body."""
    signatures = " ".join(_signature(secret, identifier, str(timestamp), body) for secret in secrets)
    return (
        ("webhook-id", identifier),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signatures),
    )


class WebhookVerifier:
    """Tells whether a webhook comes from who has the secret, now, and for the first time."""

    def __init__(self, cache: Cache, clock: Clock, *, window: int = WINDOW) -> None:
        self._cache = cache
        self._clock = clock
        self._window = window

    async def verify(self, headers: Headers, body: bytes, secrets: Sequence[Secret]) -> str:
        """The id of the webhook. A sender that tries again sends the same id, so act upon each id once.

        `secrets` are those that are valid, several while one is replaced; `body` is what came, byte for byte.
        `UnauthenticatedError` when it is not signed with one of them, or at another time; `ConflictError` when exactly
        this attempt arrived before: somebody recorded it and plays it again.
        """
        identifier = find_header(headers, "webhook-id") or ""
        timestamp = find_header(headers, "webhook-timestamp") or ""
        given = (find_header(headers, "webhook-signature") or "").split(" ")[:_MOST_SIGNATURES]
        expected = [_signature(secret, identifier, timestamp, body).encode() for secret in secrets]
        # Every pair is compared, and each in a time that does not depend on where they differ.
        matches = [hmac.compare_digest(one, other.encode()) for one in expected for other in given]
        if not identifier or not any(matches):
            raise UnauthenticatedError("The webhook is not signed with a secret that is valid here.")
        self._check_time(timestamp)
        key = f"webhook:seen:{identifier}:{timestamp}"
        if not await self._cache.set(key, b"", ttl=2 * self._window + 1, if_absent=True):
            raise ConflictError("This attempt to deliver the webhook has arrived before.")
        return identifier

    def _check_time(self, timestamp: str) -> None:
        # It is signed, so it is what the sender wrote.
        try:
            seconds = int(timestamp)
        except ValueError:
            raise UnauthenticatedError("The time of the webhook is no number.") from None
        if abs(self._clock.now().timestamp() - seconds) > self._window:
            raise UnauthenticatedError(
                f"The webhook was sent more than {self._window} seconds ago, or will be.",
                remedy="Check the clocks of both sides.",
            )


def _signature(secret: Secret, identifier: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((identifier.encode(), timestamp.encode(), body))
    return _VERSION + base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def _key(secret: Secret) -> bytes:
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise InvalidError(
            "A secret for webhooks is not understood.", remedy="It is whsec_ and the base64 of 24 to 64 bytes."
        )
    return key

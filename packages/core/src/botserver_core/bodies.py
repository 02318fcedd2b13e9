"""How much body a request may have, and how long it may take to come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from botserver_core.settings import WebSettings

# What is left of the body is not read, so the connection cannot be used again.
_CLOSE = {"Connection": "close"}


class BodyTooLargeError(HTTPException):
    """More bytes than the limit. Whoever reads the body may let it pass: it becomes the answer 413."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes.", _CLOSE)


class BodyTooSlowError(HTTPException):
    """The body did not come in time; it becomes the answer 408."""

    def __init__(self) -> None:
        super().__init__(408, "The body came too slowly.", _CLOSE)


def limit_body(receive: Receive, limit: int, settings: WebSettings) -> Receive:
    """The same body, which raises one of the errors above when it is too large or too slow.

    It has `request_seconds` to come, and longer only while it comes at `body_rate` bytes a second or faster.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    received = 0
    ended = False

    async def receive_limited() -> Message:
        nonlocal received, ended
        if ended:  # what comes now is only the end of the connection, and nobody hurries it
            return await receive()
        allowed = settings.request_seconds + (received / settings.body_rate if settings.body_rate else 0)
        try:
            async with asyncio.timeout_at(begun + allowed):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if received > limit:
                raise BodyTooLargeError(limit)
        return message

    return receive_limited

"""What went wrong, in a sentence, and what the reader can do about it.

One small family for the whole platform: a service raises the class that fits, and whoever answers the caller (HTTP, a
command, a log line) decides how it looks. Nothing here knows of status codes.
"""

from __future__ import annotations

from typing import ClassVar


class BotError(Exception):
    """The base of every error that this platform raises on purpose.

    `message` and `remedy` are shown to people, so neither may hold a secret. `remedy` is the next step, or "".
    """

    #: Stable name of this kind of error, for programs. Lower case with dashes.
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class InvalidError(BotError):
    """What the caller sent cannot be understood or breaks a rule."""

    code = "invalid"


class UnauthenticatedError(BotError):
    """Nobody knows who is asking."""

    code = "unauthenticated"


class ForbiddenError(BotError):
    """The one who asks is known, and may not."""

    code = "forbidden"


class NotFoundError(BotError):
    """There is no such thing, or the one who asks may not learn that there is."""

    code = "not-found"


class ConflictError(BotError):
    """The request was fine; the thing is in another state than the request assumed."""

    code = "conflict"


class LimitError(BotError):
    """A limit is reached. `retry_after` is the number of seconds after which another try may pass, if known."""

    code = "limit-reached"

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class UnavailableError(BotError):
    """Something that this depends on does not answer now. The same request may pass later."""

    code = "unavailable"

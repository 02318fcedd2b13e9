"""What can go wrong in this service. The class of the platform that an error also is decides how HTTP tells it.

The sentences are those of the contract, because clients show and compare them.
"""

from __future__ import annotations

from botlib import (
    BotError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    LimitError,
    NotFoundError,
    UnauthenticatedError,
)


class MeetingsError(BotError):
    """The base of what this service raises."""

    code = "meetings"


class FullError(MeetingsError, LimitError):
    """The user has as many bots as the limit allows. `limit` is that number."""

    code = "meetings-full"

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(f"Maximum concurrent bots limit reached ({limit})", retry_after=retry_after)
        self.limit = limit


class MalformedError(MeetingsError, InvalidError):
    """A value has the right type and breaks a rule of its kind. `where` is the name of the field."""

    code = "meetings-malformed"

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


class EmptyUpdateError(MeetingsError, InvalidError):
    """An update that changes nothing, or what cannot be changed."""

    code = "meetings-empty-update"


class UnknownError(MeetingsError, NotFoundError):
    """There is no such user, token or meeting; or it is somebody else's, which is the same to the caller."""

    code = "meetings-unknown"


class StateConflictError(MeetingsError, ConflictError):
    """The meeting is in a state that does not allow this."""

    code = "meetings-state"


class KeyMissingError(MeetingsError, UnauthenticatedError):
    """No key was sent where the contract answers that by 401."""

    code = "meetings-key-missing"


class KeyRefusedError(MeetingsError, ForbiddenError):
    """The key is not one of ours, or no longer; or none was sent where the contract answers that by 403."""

    code = "meetings-key-refused"


class AdminOffError(MeetingsError):
    """Nobody has configured an admin token, so nobody is an admin."""

    code = "meetings-admin-off"


class LaunchError(MeetingsError):
    """A bot could not be started. What the runner said is in the log."""

    code = "meetings-launch"

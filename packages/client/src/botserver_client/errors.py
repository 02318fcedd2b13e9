"""What can go wrong with a call: four kinds of one family, each told in a sentence."""

from __future__ import annotations

from typing import Any

from botlib import BotError


class ClientError(BotError):
    """The base of everything that the clients raise on purpose."""

    code = "client"


class RefusedError(ClientError):
    """The server answered that it does not do this.

    `code` and `message` are the server's own (NOT_FOUND, BAD_REQUEST, …), `status` is that of HTTP. `retry_after` is
    the number of seconds after which another try may pass, when the server told it.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # the kind is told by the server, not by the class
        self.status = status
        self.retry_after = retry_after


class UnreachableError(ClientError):
    """No answer came: nobody listens there, or the connection broke. Whether the server did something is not known."""

    code = "unreachable"


class DeadlineError(ClientError):
    """The time for it is over. Whether the server did something is not known."""

    code = "deadline"


class UnreadableError(ClientError):
    """An answer came that is not one of the workflows service, or of one that this client does not know."""

    code = "unreadable"


def read_refusal(status: int, body: bytes, retry_after: float | None = None) -> RefusedError:
    """The error that an answer tells, in whichever of the forms a server uses: its own, problem details, or none."""
    import msgspec

    try:
        told: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        told = None
    code, message = f"HTTP_{status}", f"The server answered with status {status}."
    if isinstance(told, dict):
        own = told.get("error")
        if isinstance(own, dict):
            code, message = str(own.get("code") or code), str(own.get("message") or message)
        else:
            message = str(told.get("detail") or told.get("title") or told.get("message") or message)
    return RefusedError(status, code, message, retry_after=retry_after)

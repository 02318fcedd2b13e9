"""What can keep a stack from starting."""

from __future__ import annotations

from botlib import BotError


class StackError(BotError):
    """A stack cannot be had, or is not there. The message is one sentence for a person; the command exits with 2."""

    code = "stack"


class PortTakenError(StackError):
    """Somebody else listens on the port that was meant for a server."""

    code = "port-taken"


def refused(error: OSError) -> StackError:
    """What to tell when the system refuses what a start needs."""
    place = f": {error.filename}" if error.filename else ""
    return StackError(f"The stack cannot be started: {error.strerror or repr(error)}{place}.")

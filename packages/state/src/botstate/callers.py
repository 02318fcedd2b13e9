"""Who asks: the name behind a request, for limits and logs. Whether they may is another question."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import Sequence


class Caller(NamedTuple):
    """Names for limits and logs, "" where there is none. `token` names a token, as its id or a digest: never itself."""

    user: str = ""
    token: str = ""


class Callers(Protocol):
    """Tells who asks. Called once a request, before anything else is done with it, so it is quick, best from memory."""

    async def identify(self, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Caller:
        """The caller behind these headers (names in lower case) and this query; `Caller()` for a stranger.

        A token that is not valid belongs to a stranger: nobody fills another's limit with guesses.
        """
        ...


CALLERS = Capability[Callers]("callers")

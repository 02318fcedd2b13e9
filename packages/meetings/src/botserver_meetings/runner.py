"""Starts and stops bots, whatever they run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from botstate import Capability

if TYPE_CHECKING:
    from botserver_meetings.staleness import Sight


class BotRunner(Protocol):
    """Runs one bot a name. Names are never used again, so all calls may be repeated.

    Whoever cannot be reached raises `botlib.UnavailableError`; nobody concludes from that that a bot is dead.
    """

    async def start(self, name: str, config: str) -> None:
        """Start a bot with this BOT_CONFIG. One that runs under this name already is left alone."""
        ...

    async def stop(self, name: str, grace: float) -> None:
        """Ask a bot to end, and end it after `grace` seconds. One that is gone, or was never there, is no error."""
        ...

    async def look(self, name: str) -> Sight:
        """Whether it runs: `EXITED` only when that is certain, `UNKNOWN` for one that this runner has not started."""
        ...

    async def names(self) -> list[str]:
        """The bots that this runner knows of, running or not yet forgotten."""
        ...

    async def forget(self, name: str) -> None:
        """Remove what is left of a bot that does not run."""
        ...


BOT_RUNNER = Capability[BotRunner]("bot-runner")

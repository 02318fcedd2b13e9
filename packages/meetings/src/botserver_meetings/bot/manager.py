"""The bot's way to its manager, over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botserver_meetings.bot.configuration import Configuration


class Lost(Exception):  # noqa: N818 - it is a state of affairs
    """The manager did not answer, or could not now. The same may pass later."""


class Manager(Protocol):
    """What a bot says and asks. Each call may raise `Lost`."""

    async def report(self, step: str, **details: Any) -> bool:
        """Tell a step: "started", "joined", "stopping", "exited". False: the manager does not know this bot."""
        ...

    async def beat(self, applied: int) -> bool:
        """Give a sign of life, with the number of the last command that was carried out. False as above."""
        ...

    async def commands(self, after: int, wait: float) -> list[dict[str, Any]] | None:
        """What is to be done after that number; waits for it. None when the meeting is over."""
        ...

    async def tell(self, segments: list[dict[str, Any]]) -> bool:
        """Hand over what was heard. False as above."""
        ...


class HttpManager:
    """The manager behind the addresses of a configuration."""

    def __init__(self, configuration: Configuration, client: Any) -> None:
        self._configuration = configuration
        self._client = client

    async def report(self, step: str, **details: Any) -> bool:
        url = self._configuration.callbacks
        if self._configuration.single:
            return await self._tell("POST", f"{url}/status_change", {"status": step, **details})
        if step == "stopping":
            return await self._tell("PATCH", f"{url}/status", {"status": step})
        return await self._tell("POST", f"{url}/{step}", {"status": f"bot_{step}", **details})

    async def beat(self, applied: int) -> bool:
        return await self._tell("POST", f"{self._configuration.callbacks}/heartbeat", {"applied": applied})

    async def commands(self, after: int, wait: float) -> list[dict[str, Any]] | None:
        query = {"connection_id": self._configuration.connection_id, "after": after, "wait": wait}
        answer = await self._ask("GET", f"{self._configuration.internal}/commands", params=query)
        return None if answer.get("over") else answer.get("commands", [])

    async def tell(self, segments: list[dict[str, Any]]) -> bool:
        return await self._tell("POST", f"{self._configuration.internal}/transcription", {"segments": segments})

    async def _tell(self, method: str, url: str, body: dict[str, Any]) -> bool:
        answer = await self._ask(method, url, json={"connection_id": self._configuration.connection_id, **body})
        return answer.get("status") != "error"

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        import httpx2

        try:
            answer = await self._client.request(method, url, **more)
        except httpx2.HTTPError as error:
            raise Lost(type(error).__name__) from error
        if answer.status_code == 403:
            return {"status": "error", "over": True}
        if answer.status_code != 200:
            raise Lost(f"status {answer.status_code}")
        value: dict[str, Any] = answer.json()
        return value


@asynccontextmanager
async def open_manager(configuration: Configuration) -> AsyncIterator[HttpManager]:
    """The manager, over connections that are closed at the end. No proxy of the environment stands between."""
    import httpx2

    headers = {"Authorization": f"Bearer {configuration.token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30.0, trust_env=False, follow_redirects=False) as client:
        yield HttpManager(configuration, client)

"""What both clients are made of: how they are opened and closed, and the health of the server behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from botlib import Secret, SystemClock, SystemRandomness
from botserver_client.calling import Caller
from botserver_client.connection import Connection
from botserver_client.errors import ClientError, DeadlineError
from botserver_client.registry import Health
from botserver_client.retrying import Retries
from botserver_client.routes import GET_HEALTH

if TYPE_CHECKING:
    from types import TracebackType

    from botlib import Clock, Randomness

_PAUSE = 0.2


class Client:
    """A client of one server, for one event loop. Nothing is connected before the first call.

    `timeout` is how many seconds any call may take, with its retries; only calls that change nothing when they are made
    twice are made again, at most `retries` times.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Secret | str | None = None,
        timeout: float = 30.0,
        retries: int = 3,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        if timeout <= 0 or retries < 0:
            raise ClientError("A client needs a timeout of more than 0 seconds, and 0 retries or more.")
        secret = Secret(token) if isinstance(token, str) else token
        self._caller = Caller(
            Connection(base_url, secret),
            clock or SystemClock(),
            randomness or SystemRandomness(),
            timeout=timeout,
            retries=Retries(retries),
        )

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._caller.connection.base_url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self._caller.connection.close()

    async def health(self) -> Health:
        """How the server is; also one that is not ready answers."""
        return await self._caller.call(Health, GET_HEALTH)

    async def wait_until_ready(self, deadline: float = 60.0) -> Health:
        """The health once the server is ready, or `DeadlineError` after so many seconds, with what was wrong last."""
        clock = self._caller.clock
        until = clock.monotonic() + deadline
        trouble = ""
        while (remaining := until - clock.monotonic()) > 0:
            try:
                health = await self._caller.call(Health, GET_HEALTH, within=remaining)
            except DeadlineError as error:
                trouble = trouble or error.message  # the last look may have had no time to see anything
            except ClientError as error:
                trouble = error.message
            else:
                if health.is_ready:
                    return health
                waiting = [f"{it.name}: {it.trouble}" for it in health.services if not it.ready]
                trouble = f"it is {health.status}. {' '.join(waiting)}".rstrip()
            await clock.sleep(min(_PAUSE, max(until - clock.monotonic(), 0)))
        raise DeadlineError(f"{self.base_url} was not ready within {deadline:g} seconds: {trouble}")

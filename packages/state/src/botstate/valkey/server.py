"""Connections to one Redis or Valkey server, and the rules by which commands are sent to it.

redis-py knows the protocol. When a command is sent again, and how long a call may take, is decided here: only we know
which commands may run twice.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from redis.asyncio import ConnectionPool
from redis.exceptions import AuthenticationError, BusyLoadingError, InvalidResponse, NoScriptError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from botlib import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from redis.asyncio.connection import AbstractConnection

    from botlib import Clock, Randomness, Secret
    from botstate.keyvalue import CacheSettings
    from botstate.valkey.scripts import Script

    Argument = str | bytes | int

#: What a lost or refused connection raises. redis-py's own retries and time-outs are off.
LOST = (RedisConnectionError, RedisTimeoutError, InvalidResponse, OSError)
_PAUSE = (0.01, 0.1)  # seconds before the second try, at least and at most; the upper bound doubles with each try
_LONGEST_PAUSE = 1.0


class LostError(UnavailableError):
    """No answer came to a command that was sent: whether it was carried out is not known."""

    code = "lost"


class RefusedError(UnavailableError):
    """The server answered a command by an error. `reason` begins with the name of its kind; it is for decisions."""

    code = "refused"

    def __init__(self, message: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


class Server:
    """Sends commands. One object a process, for one event loop; `close` at the end."""

    def __init__(self, url: Secret, settings: CacheSettings, clock: Clock, randomness: Randomness) -> None:
        self.timeout = settings.timeout
        self.place = _public_place(url.reveal())
        self._clock = clock
        self._randomness = randomness
        self._prefix = settings.prefix
        pools = [_create_pool(url.reveal(), settings) for _ in range(2)]
        self._pool, self._waiting_pool = pools
        self._places, self._waiting_places = [asyncio.Semaphore(settings.connections) for _ in pools]

    @property
    def is_crowded(self) -> bool:
        """Whether all connections for calls that wait are taken."""
        return self._waiting_places.locked()

    def key(self, kind: str, name: str) -> bytes:
        """The key of something, below the prefix of this server. Any text has one, also a lone surrogate."""
        return f"{self._prefix}{kind}:{name}".encode("utf-8", "surrogatepass")

    async def call(self, *command: Argument, repeatable: bool = False, wait: float = 0.0) -> Any:
        """The answer to a command that the server may take `wait` seconds for.

        It is sent again after a lost connection when it is `repeatable`, and otherwise only while it surely was not
        carried out. Within `timeout` seconds, those of `wait` not counted, there is an answer or an `UnavailableError`:
        `LostError` when nobody knows, `RefusedError` when the server said no.
        """

        async def exchange(connection: AbstractConnection) -> Any:
            await connection.send_command(*command)
            return await connection.read_response()

        return await self.exchange(exchange, repeatable=repeatable, wait=wait)

    async def exchange(
        self, work: Callable[[AbstractConnection], Awaitable[Any]], *, repeatable: bool = False, wait: float = 0.0
    ) -> Any:
        """What `work` returns with one connection for itself; the rules are those of `call`."""
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self.timeout + wait):
                return await self._try(work, attempt, repeatable=repeatable, waiting=wait > 0)
        except TimeoutError:
            # Whoever waits for a message has missed nothing but his time.
            raise self._silence(is_unknown=attempt.is_sent and not repeatable and not wait) from None

    async def run(self, script: Script, key: bytes, *arguments: Argument) -> Any:
        """The answer of a script. Scripts change things, so they are never sent twice."""

        async def exchange(connection: AbstractConnection) -> Any:
            await connection.send_command("EVALSHA", script.digest, 1, key, *arguments)
            try:
                return await connection.read_response()
            except NoScriptError:
                # The server is new or was restarted, and did nothing. This teaches it the script.
                await connection.send_command("EVAL", script.text, 1, key, *arguments)
                return await connection.read_response()

        return await self.exchange(exchange)

    def create_connection(self) -> AbstractConnection:
        """A connection outside the pools, not yet connected. Its user closes it."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py's
        return connection

    async def pause(self, attempt: int) -> None:
        """Between two tries; the more there were, the longer. Chance keeps many processes apart."""
        low, high = _PAUSE
        await self._clock.sleep(self._randomness.uniform(low, min(high * 2**attempt, _LONGEST_PAUSE)))

    async def close(self) -> None:
        for pool in (self._pool, self._waiting_pool):
            await pool.aclose()

    async def _try(
        self,
        work: Callable[[AbstractConnection], Awaitable[Any]],
        attempt: _Attempt,
        *,
        repeatable: bool,
        waiting: bool,
    ) -> Any:
        while True:
            attempt.is_sent = False
            try:
                async with self._connection(waiting=waiting) as connection:
                    attempt.is_sent = True
                    return await work(connection)
            except ResponseError as error:
                raise self._refusal(error) from None
            except AuthenticationError:
                raise self._bad_password() from None
            except LOST as error:
                undone = not attempt.is_sent or isinstance(error, BusyLoadingError)
                if not (repeatable or undone):
                    raise self._loss() from None
            attempt.is_sent = False
            await self.pause(attempt.number)
            attempt.number += 1

    @asynccontextmanager
    async def _connection(self, *, waiting: bool) -> AsyncIterator[AbstractConnection]:
        # A connection whose answer was not read, because of an error or a cancellation, was closed by redis-py.
        pool = self._waiting_pool if waiting else self._pool
        async with self._waiting_places if waiting else self._places:
            connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
            try:
                yield connection
            finally:
                await pool.release(connection)

    def _silence(self, *, is_unknown: bool) -> UnavailableError:
        text = f"The key-value server at {self.place} did not answer within {self.timeout:g} seconds."
        if is_unknown:
            return LostError(
                f"{text} Whether it did what it was asked is not known.", remedy="Read the present state, then decide."
            )
        return UnavailableError(
            text, remedy="Look whether it runs and can be reached; cache.timeout is how long a call waits."
        )

    def _loss(self) -> LostError:
        return LostError(
            f"The connection to the key-value server at {self.place} was lost before it answered. "
            "Whether it did what it was asked is not known.",
            remedy="Read the present state, then decide.",
        )

    def _refusal(self, error: ResponseError) -> RefusedError:
        # What the server says may repeat arguments, so only its kind is shown.
        kind = type(error).__name__
        return RefusedError(
            f"The key-value server at {self.place} refused a command ({kind}).",
            f"{kind} {error}",
            remedy="Its own log says more; it may be out of memory, read-only, or too old (Redis 6.2 is the oldest).",
        )

    def _bad_password(self) -> UnavailableError:
        return UnavailableError(
            f"The key-value server at {self.place} does not accept our user or password.",
            remedy="Set both in cache.url: redis://USER:PASSWORD@HOST:PORT.",
        )


@dataclass
class _Attempt:
    """How far a call has come: which try it is at, and whether the server may have what was asked."""

    number: int = 0
    is_sent: bool = False


def _create_pool(url: str, settings: CacheSettings) -> ConnectionPool:
    scheme, _, rest = url.partition(":")
    return ConnectionPool.from_url(
        f"{scheme.replace('valkey', 'redis')}:{rest}",
        max_connections=settings.connections,
        protocol=2,  # nothing of 3 is needed, and its pushes would have to be told from answers
        driver_info=None,  # saves two commands a connection
        maint_notifications_config=MaintNotificationsConfig(enabled=False),  # only Redis itself knows them
        retry=None,
        socket_timeout=None,
        socket_connect_timeout=settings.timeout,
    )


def _public_place(url: str) -> str:
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]

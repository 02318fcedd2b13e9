"""The cache in a Redis or Valkey server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botlib import InvalidError
from botstate.valkey.scripts import COMPARE_AND_SET, DELETE_IF, INCREMENT
from botstate.valkey.server import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio.connection import AbstractConnection

    from botstate.valkey.server import Server

_LONGEST = 10**14  # milliseconds; servers add it to the time of day and refuse what does not fit into 64 bits
_PAGE = 1_000  # keys that the server looks at before it answers; it does nothing else meanwhile
_PATTERN_CHARACTERS = re.compile(rb"[*?\[\]\\^-]")


class ValkeyCache:
    """A `Cache` that all processes share."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._prefix = server.key("cache", "")

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._server.call("GET", self._key(key), repeatable=True)
        return value

    async def set(self, key: str, value: bytes, *, ttl: float | None = None, if_absent: bool = False) -> bool:
        options = ("PX", _milliseconds(ttl)) if ttl is not None else ()
        if not if_absent:
            await self._server.call("SET", self._key(key), value, *options, repeatable=True)
            return True
        return await self._server.call("SET", self._key(key), value, *options, "NX") is not None

    async def increment(self, key: str, by: int = 1, *, ttl: float | None = None) -> int:
        try:
            if ttl is None:
                return int(await self._server.call("INCRBY", self._key(key), by))
            return int(await self._server.run(INCREMENT, self._key(key), by, _milliseconds(ttl)))
        except RefusedError as error:
            if "overflow" in error.reason:
                raise InvalidError(f"The sum in {key!a} does not fit into 64 bits.") from None
            if "not an integer" in error.reason:
                raise InvalidError(f"The value of {key!a} is no whole number.") from None
            raise

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes, *, ttl: float | None = None
    ) -> bool:
        condition = ("absent", b"") if expected is None else ("value", expected)
        life = "" if ttl is None else _milliseconds(ttl)
        return bool(await self._server.run(COMPARE_AND_SET, self._key(key), *condition, value, life))

    async def delete(self, key: str, *, expected: bytes | None = None) -> bool:
        if expected is None:
            return bool(await self._server.call("DEL", self._key(key)))
        return bool(await self._server.run(DELETE_IF, self._key(key), expected))

    async def scan(self, prefix: str) -> AsyncIterator[str]:
        # A list first: no connection is held while the caller works, and a key may come on more than one page.
        pattern = _PATTERN_CHARACTERS.sub(rb"\\\g<0>", self._key(prefix)) + b"*"

        async def all_pages(connection: AbstractConnection) -> set[bytes]:
            # On one connection: a server that was restarted in between would not know the cursor.
            keys: set[bytes] = set()
            cursor: bytes = b"0"
            while True:
                await connection.send_command("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)
                cursor, page = await connection.read_response()
                keys.update(page)
                if cursor == b"0":
                    return keys

        for key in await self._server.exchange(all_pages, repeatable=True):
            yield key.removeprefix(self._prefix).decode("utf-8", "surrogatepass")

    def _key(self, key: str) -> bytes:
        return self._prefix + key.encode("utf-8", "surrogatepass")


def _milliseconds(ttl: float) -> int:
    if not ttl > 0:
        raise ValueError("A time to live is more than zero seconds.")
    return max(1, round(min(ttl * 1_000, _LONGEST)))

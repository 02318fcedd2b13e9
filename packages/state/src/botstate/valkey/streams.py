"""Streams in a Redis or Valkey server. What the server acknowledges is as safe as its own persistence makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botstate.streams import Entry
from botstate.valkey.scripts import CLAIM
from botstate.valkey.server import LostError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botlib import Clock
    from botstate.valkey.server import Server

#: The one consumer of every group. Who holds an entry is told by its idle time alone, so names would only pile up.
_CONSUMER = b"all"
#: Seconds that the server is asked to wait for an entry at a time: a connection that died unnoticed costs no more.
_LONGEST_WAIT = 5.0
#: Seconds until a reader for whose wait there is no connection looks again.
_LOOK_AGAIN = 0.25


class ValkeyStreams:
    """`Streams` that all processes share."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    async def append(self, stream: str, data: bytes, *, keep: int = 10_000) -> str:
        added: bytes = await self._server.call("XADD", self._key(stream), "MAXLEN", "~", keep, "*", "d", data)
        return added.decode()

    async def read(self, stream: str, group: str, *, count: int = 10, wait: float = 0.0) -> list[Entry]:
        key, name = self._key(stream), _encoded(group)
        deadline = self._clock.monotonic() + wait
        while True:
            left = max(0.0, min(deadline - self._clock.monotonic(), _LONGEST_WAIT))
            crowded = self._server.is_crowded
            try:
                entries = await self._read(key, name, count, 0.0 if crowded else left)
            except RefusedError as error:
                if not ("NOGROUP" in error.reason or "UNBLOCKED" in error.reason):
                    raise
                await self._create_group(key, name)
            except LostError:
                if not left:
                    raise
            else:
                if entries or self._clock.monotonic() >= deadline:
                    return entries
                if crowded:
                    await self._clock.sleep(min(left, _LOOK_AGAIN))

    async def claim(self, stream: str, group: str, *, idle: float, count: int = 10) -> list[Entry]:
        try:
            claimed = await self._server.run(
                CLAIM, self._key(stream), _encoded(group), _CONSUMER, round(idle * 1_000), count
            )
        except RefusedError as error:
            if "NOGROUP" not in error.reason:
                raise
            return []
        return [Entry(number.decode(), data, deliveries) for number, data, deliveries in claimed]

    async def acknowledge(self, stream: str, group: str, ids: Sequence[str]) -> int:
        if not ids:
            return 0
        return int(await self._server.call("XACK", self._key(stream), _encoded(group), *ids))

    async def delete(self, stream: str) -> bool:
        return bool(await self._server.call("DEL", self._key(stream)))

    async def _read(self, key: bytes, group: bytes, count: int, wait: float) -> list[Entry]:
        block = ("BLOCK", max(1, round(wait * 1_000))) if wait else ()
        answer: list[Any] | None = await self._server.call(
            *("XREADGROUP", "GROUP", group, _CONSUMER, "COUNT", count, *block, "STREAMS", key, ">"),
            # An answer that was lost leaves its entries pending, and somebody will claim them.
            repeatable=not wait,
            wait=wait,
        )
        return [Entry(number.decode(), fields[1], 1) for number, fields in answer[0][1]] if answer else []

    async def _create_group(self, key: bytes, group: bytes) -> None:
        try:
            await self._server.call("XGROUP", "CREATE", key, group, "0", "MKSTREAM", repeatable=True)
        except RefusedError as error:
            if "BUSYGROUP" not in error.reason:  # somebody else was faster
                raise

    def _key(self, stream: str) -> bytes:
        return self._server.key("stream", stream)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

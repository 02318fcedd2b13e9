"""Streams within one process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botstate.streams import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botlib import Clock


class MemoryStreams:
    """`Streams` in this process, for one event loop. They end with it: a restart begins with empty streams."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._streams: dict[str, _Stream] = {}

    async def append(self, stream: str, data: bytes, *, keep: int = 10_000) -> str:
        return str(self._get(stream).append(data, keep))

    async def read(self, stream: str, group: str, *, count: int = 10, wait: float = 0.0) -> list[Entry]:
        deadline = self._clock.monotonic() + wait
        while True:
            found = self._get(stream)
            entries = found.read(found.group(group), count, self._clock.monotonic())
            if entries or self._clock.monotonic() >= deadline:
                return entries
            await self._wait_for_more(found, deadline - self._clock.monotonic())

    async def claim(self, stream: str, group: str, *, idle: float, count: int = 10) -> list[Entry]:
        found = self._get(stream)
        return found.claim(found.group(group), count, self._clock.monotonic(), idle)

    async def acknowledge(self, stream: str, group: str, ids: Sequence[str]) -> int:
        pending = self._get(stream).group(group).pending
        return sum(pending.pop(int(it), None) is not None for it in ids)

    async def delete(self, stream: str) -> bool:
        found = self._streams.pop(stream, None)
        if found is None:
            return False
        found.changed.set()  # whoever waits looks again, at the stream that comes after this one
        return True

    def _get(self, stream: str) -> _Stream:
        return self._streams.setdefault(stream, _Stream())

    async def _wait_for_more(self, stream: _Stream, seconds: float) -> None:
        stream.changed.clear()
        waiting = [asyncio.ensure_future(stream.changed.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for it in waiting:
                it.cancel()


@dataclass
class _Delivery:
    at: float
    count: int


@dataclass
class _Group:
    position: int = 0
    pending: dict[int, _Delivery] = field(default_factory=dict)


class _Stream:
    """Entries under growing numbers without gaps: those from `first` to `last` are there."""

    def __init__(self) -> None:
        self.first = 1
        self.last = 0
        self.entries: dict[int, bytes] = {}
        self.groups: dict[str, _Group] = {}
        self.changed = asyncio.Event()

    def group(self, name: str) -> _Group:
        return self.groups.setdefault(name, _Group())

    def append(self, data: bytes, keep: int) -> int:
        self.last += 1
        self.entries[self.last] = data
        while len(self.entries) > keep:
            del self.entries[self.first]
            self.first += 1
        self.changed.set()
        return self.last

    def read(self, group: _Group, count: int, now: float) -> list[Entry]:
        start = max(group.position + 1, self.first)
        numbers = range(start, min(start + count, self.last + 1))
        if numbers:
            group.position = numbers[-1]
        return [self._deliver(group, number, now) for number in numbers]

    def claim(self, group: _Group, count: int, now: float, idle: float) -> list[Entry]:
        for number in [number for number in group.pending if number < self.first]:
            del group.pending[number]  # its entry is gone
        late = sorted(number for number, delivery in group.pending.items() if now - delivery.at >= idle)
        return [self._deliver(group, number, now) for number in late[:count]]

    def _deliver(self, group: _Group, number: int, now: float) -> Entry:
        earlier = group.pending.get(number)
        delivery = _Delivery(now, earlier.count + 1 if earlier else 1)
        group.pending[number] = delivery
        return Entry(str(number), self.entries[number], delivery.count)

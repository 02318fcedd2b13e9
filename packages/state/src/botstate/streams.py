"""Messages that wait until somebody has dealt with them: for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import Sequence


class Entry(NamedTuple):
    """One message. `deliveries` counts how often it was handed out to its group, this time included."""

    id: str
    data: bytes
    deliveries: int


class Streams(Protocol):
    """Lists that grow at one end, and are read by groups of workers.

    A group begins with the oldest entry that is there. Each entry goes to one worker of each group, and is pending
    until it is acknowledged; what a worker that died had pending is claimed by another one. So each entry is dealt with
    at least once, and may be twice.
    """

    async def append(self, stream: str, data: bytes, *, keep: int = 10_000) -> str:
        """Add an entry and return its id. About the last `keep` entries stay; older ones go, read or not."""
        ...

    async def read(self, stream: str, group: str, *, count: int = 10, wait: float = 0.0) -> list[Entry]:
        """Up to `count` entries that nobody in the group had, oldest first; waits up to `wait` seconds for one."""
        ...

    async def claim(self, stream: str, group: str, *, idle: float, count: int = 10) -> list[Entry]:
        """Take over up to `count` entries that have been pending for `idle` seconds or longer, oldest first."""
        ...

    async def acknowledge(self, stream: str, group: str, ids: Sequence[str]) -> int:
        """These are dealt with. Returns how many of them were pending."""
        ...

    async def delete(self, stream: str) -> bool:
        """Remove the stream with its groups. The answer tells whether it was there."""
        ...


STREAMS = Capability[Streams]("streams", remedy="Add `botstate.cache_service` to the services.")

"""How bots of other makers are told what to do: messages on channels that they know by name."""

from __future__ import annotations

from typing import Protocol


class Wire(Protocol):
    """Publishes to bots. A message may be lost: the command itself is in the table."""

    async def publish(self, channel: str, message: bytes) -> None:
        """Send to those that listen now. Raises nothing when nobody can be reached: then it is lost."""
        ...


class NoWire:
    """Where no such server is configured."""

    async def publish(self, channel: str, message: bytes) -> None:
        pass

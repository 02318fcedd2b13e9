"""What people are told: the newest notices, on the board and for other services."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from botlib import Clock
    from botserver_containers.push.board import Board
    from botstate import Channels

Level = Literal["info", "warning", "error", "success"]

#: So many notices are kept.
KEPT = 100
#: Where other services hear of them.
CHANNEL = "containers.notices"


class Notices:
    """The newest ones. Each has a number that is its id."""

    def __init__(self, board: Board, clock: Clock, channels: Channels) -> None:
        self._board = board
        self._clock = clock
        self._channels = channels
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._count = 0

    async def add(self, level: Level, title: str, message: str, app: str = "", event: str = "") -> None:
        """Tell it. `event` is a word for programs: "crashed", "restarted", "given-up"."""
        self._count += 1
        notice: dict[str, Any] = {
            "id": str(self._count),
            "level": level,
            "title": title,
            "message": message,
            "created-at": self._clock.now().isoformat(),
        }
        if app:
            notice["package-id"] = app
        self._kept.append(notice)
        self._show()
        await self._channels.publish(CHANNEL, json.dumps({**notice, "event": event}).encode())

    def dismiss(self, number: str) -> bool:
        """Take one away. False when there is none of this id."""
        left = [notice for notice in self._kept if notice["id"] != number]
        found = len(left) < len(self._kept)
        self._kept = deque(left, maxlen=KEPT)
        self._show()
        return found

    def _show(self) -> None:
        self._board.put(list(self._kept), "notifications")

"""One document that many watch: whoever comes gets it whole, and then every change in order."""

from __future__ import annotations

import asyncio
import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botserver_containers.push.patches import diff, pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botserver_containers.push.patches import Operation

#: Changes that wait for one who is slow; then it gets the whole document again.
WAITING = 256


class Frame(NamedTuple):
    """What a watcher gets. Whole: `data` is the document; else `patch` leads from revision `rev - 1` to `rev`."""

    rev: int
    data: dict[str, Any] | None = None
    patch: list[Operation] | None = None


class Board:
    """The document. What is handed out is a copy or never changed, so it may be kept."""

    def __init__(self) -> None:
        self.rev = 0
        self._data: dict[str, Any] = {"package-data": {}, "server-info": {}, "notifications": []}
        self._watchers: set[Watcher] = set()

    def whole(self) -> dict[str, Any]:
        """The document as it is now."""
        return copy.deepcopy(self._data)

    def put(self, value: Any, *keys: str) -> None:
        """Set what stands at these keys; None removes it. Watchers learn of it when it is a change."""
        holder = self._data
        for key in keys[:-1]:
            holder = holder[key]
        last, path = keys[-1], pointer(*keys)
        if value is None:
            operations: list[Operation] = [{"op": "remove", "path": path}] if last in holder else []
            holder.pop(last, None)
        elif last in holder:
            operations = diff(holder[last], value, path)
            holder[last] = copy.deepcopy(value)
        else:
            operations = [{"op": "add", "path": path, "value": copy.deepcopy(value)}]
            holder[last] = copy.deepcopy(value)
        if operations:
            self.rev += 1
            for watcher in self._watchers:
                watcher.offer(Frame(self.rev, patch=operations))

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """Watch from now on; the first frame is the whole document."""
        watcher = Watcher(self)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)


class Watcher:
    """One who watches. For one task."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._frames: asyncio.Queue[Frame] = asyncio.Queue(WAITING)
        self._lost = True  # so that it begins with the whole document

    async def next(self) -> Frame:
        """The next frame; waits for one. Whoever was too slow gets the whole document in the place of what was lost."""
        if self._lost:
            self._lost = False
            while not self._frames.empty():
                self._frames.get_nowait()
            return Frame(self._board.rev, data=self._board.whole())
        return await self._frames.get()

    def offer(self, frame: Frame) -> None:
        """Add a frame, or note that one was lost."""
        if self._lost:
            return
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            self._lost = True

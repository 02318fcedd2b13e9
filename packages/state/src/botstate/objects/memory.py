"""Objects in this process, for tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.objects.protocol import BINARY, CHUNK, ObjectInfo, check_content_type, check_range, gathered, not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from botlib import Clock, SafeKey
    from botstate.objects.protocol import ObjectReader


class MemoryObjects:
    """`Objects` that end with the process. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[SafeKey, tuple[ObjectInfo, bytes]] = {}
        self._changes = 0

    async def put(
        self,
        key: SafeKey,
        data: bytes | AsyncIterable[bytes],
        *,
        content_type: str = BINARY,
        if_absent: bool = False,
    ) -> bool:
        check_content_type(content_type)
        content = await gathered(data) if if_absent or isinstance(data, bytes) else b"".join([it async for it in data])
        if if_absent and key in self._objects:
            return False
        self._store(key, content, content_type)
        return True

    async def get(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> bytes:
        check_range(start, end)
        return self._find(key)[1][start:end]

    @asynccontextmanager
    async def open(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> AsyncIterator[ObjectReader]:
        check_range(start, end)
        info, content = self._find(key)
        yield _Reader(info, content[start:end])

    async def head(self, key: SafeKey) -> ObjectInfo:
        return self._find(key)[0]

    async def list(
        self, folder: SafeKey | None = None, *, after: SafeKey | None = None, limit: int = 1_000
    ) -> list[ObjectInfo]:
        prefix = f"{folder}/" if folder else ""
        start = after.encode() if after else b""
        keys = sorted(it.encode() for it in self._objects if it.startswith(prefix) and it.encode() > start)
        by_bytes = {key.encode(): info for key, (info, _) in self._objects.items()}
        return [by_bytes[key]._replace(content_type="") for key in keys[:limit]]

    async def delete(self, key: SafeKey) -> None:
        self._objects.pop(key, None)

    async def copy(self, source: SafeKey, target: SafeKey) -> None:
        info, content = self._find(source)
        self._store(target, content, info.content_type)

    async def presign(self, key: SafeKey, *, method: str = "GET", seconds: int = 300) -> str | None:  # noqa: ARG002
        return None

    def _store(self, key: SafeKey, content: bytes, content_type: str) -> None:
        self._changes += 1
        info = ObjectInfo(key, len(content), self._clock.now(), str(self._changes), content_type)
        self._objects[key] = (info, content)

    def _find(self, key: SafeKey) -> tuple[ObjectInfo, bytes]:
        if key not in self._objects:
            raise not_found(key)
        return self._objects[key]


class _Reader:
    def __init__(self, info: ObjectInfo, content: bytes) -> None:
        self.info = info
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), CHUNK):
            yield self._content[start : start + CHUNK]

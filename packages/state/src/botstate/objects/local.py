"""Objects in a folder of this machine. Several processes may share it."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from heapq import nsmallest
from typing import IO, TYPE_CHECKING, TypeVar

from botlib import SafeKey, UnavailableError
from botstate.objects.folder import HEADER, Folder, read_content_type
from botstate.objects.protocol import (
    BINARY,
    CHUNK,
    ObjectInfo,
    check_content_type,
    check_range,
    gathered,
    not_found,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

    from botlib import Randomness
    from botstate.objects.protocol import ObjectReader

R = TypeVar("R")


class LocalObjects:
    """`Objects` in files. Made by `open_local_objects`; all that blocks runs in threads."""

    def __init__(self, path: str, randomness: Randomness) -> None:
        self._path = path
        self._randomness = randomness
        self._opened: Folder | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _folder(self, *, create: bool = False) -> Folder:
        """Made when the first object is put in; until then FileNotFoundError."""
        with self._opening:
            if self._opened is None:
                if not create and not os.path.isdir(self._path):
                    raise FileNotFoundError
                self._opened = Folder(self._path)
            return self._opened

    async def put(
        self,
        key: SafeKey,
        data: bytes | AsyncIterable[bytes],
        *,
        content_type: str = BINARY,
        if_absent: bool = False,
    ) -> bool:
        check_content_type(content_type)
        if if_absent:
            data = await gathered(data)
        name = self._randomness.random_bytes(16).hex()
        file = await self._open(lambda: self._folder(create=True).create(name, content_type), key)
        try:
            with file:
                if isinstance(data, bytes):
                    await self._run(lambda: file.write(data), key)
                else:
                    async for piece in data:
                        await self._run(partial(file.write, piece), key)
                return await self._run(lambda: self._folder().place(name, file, key, if_absent=if_absent), key)
        finally:
            if self._opened is not None:
                self._opened.discard(name)

    async def get(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> bytes:
        check_range(start, end)

        def read() -> bytes:
            with self._folder().open(key) as file:
                info = _info(key, file)
                file.seek(HEADER + start)
                return file.read(max(0, _end(info, end) - start))

        return await self._run(read, key)

    @asynccontextmanager
    async def open(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> AsyncIterator[ObjectReader]:
        check_range(start, end)
        file = await self._open(lambda: self._folder().open(key), key)
        with file:
            info = await self._run(lambda: _info(key, file), key)
            await self._run(lambda: file.seek(HEADER + start), key)
            yield _Reader(info, file, max(0, _end(info, end) - start))

    async def head(self, key: SafeKey) -> ObjectInfo:
        def look() -> ObjectInfo:
            with self._folder().open(key) as file:
                return _info(key, file)

        return await self._run(look, key)

    async def list(
        self, folder: SafeKey | None = None, *, after: SafeKey | None = None, limit: int = 1_000
    ) -> list[ObjectInfo]:
        start = after.encode() if after else b""

        def walk() -> list[ObjectInfo]:
            if self._opened is None and not os.path.isdir(self._path):
                return []
            found = self._folder().walk(tuple(folder.split("/")) if folder else ())
            later = ((key.encode(), key, status) for key, status in found if key.encode() > start)
            return [_listed(SafeKey(key), status) for _, key, status in nsmallest(limit, later, key=lambda it: it[0])]

        return await self._run(walk, folder)

    async def delete(self, key: SafeKey) -> None:
        def remove() -> None:
            try:
                self._folder().remove(key)
            except FileNotFoundError:
                return

        await self._run(remove, key)

    async def copy(self, source: SafeKey, target: SafeKey) -> None:
        async with self.open(source) as content:
            await self.put(target, content, content_type=content.info.content_type)

    async def presign(self, key: SafeKey, *, method: str = "GET", seconds: int = 300) -> str | None:  # noqa: ARG002
        return None

    async def _open(self, work: Callable[[], IO[bytes]], key: SafeKey) -> IO[bytes]:
        """A file that a thread opens. When nobody waits for it any more, it is closed as soon as it is open."""
        opening = asyncio.ensure_future(self._run(work, key))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise

    async def _run(self, work: Callable[[], R], key: SafeKey | None) -> R:
        with _errors_of(key):
            return await asyncio.to_thread(work)


@asynccontextmanager
async def open_local_objects(path: str, randomness: Randomness) -> AsyncIterator[LocalObjects]:
    """The objects in this folder, which is made when the first one is put in."""
    objects = LocalObjects(path, randomness)
    try:
        yield objects
    finally:
        objects.close()


class _Reader:
    def __init__(self, info: ObjectInfo, file: IO[bytes], size: int) -> None:
        self.info = info
        self._file = file
        self._left = size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._left > 0:
            with _errors_of(self.info.key):
                piece = await asyncio.to_thread(self._file.read, min(CHUNK, self._left))
            if not piece:
                raise UnavailableError(f"The object {self.info.key} ended too early: its file was changed by others.")
            self._left -= len(piece)
            yield piece


def _close_unwanted(opening: asyncio.Future[IO[bytes]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _info(key: SafeKey, file: IO[bytes]) -> ObjectInfo:
    content_type = read_content_type(file.read(HEADER))
    if content_type is None:
        raise UnavailableError(f"The file of the object {key} is damaged.", remedy="Bring it back from a backup.")
    return _listed(key, os.fstat(file.fileno()))._replace(content_type=content_type)


def _listed(key: SafeKey, status: os.stat_result) -> ObjectInfo:
    etag = f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"
    return ObjectInfo(key, max(0, status.st_size - HEADER), datetime.fromtimestamp(status.st_mtime, UTC), etag, "")


def _end(info: ObjectInfo, end: int | None) -> int:
    return info.size if end is None else min(end, info.size)


@contextmanager
def _errors_of(key: SafeKey | None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        if key is None:
            raise
        raise not_found(key) from None
    except OSError as error:
        raise UnavailableError(
            f"The folder of the objects cannot be used: {error.strerror}.",
            remedy="Look at its disk, its owner and its mode.",
        ) from None

"""What every store of objects offers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from botlib import InvalidError, LimitError, NotFoundError
from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from botlib import SafeKey

BINARY = "application/octet-stream"
#: How many bytes a stream may have that is put with `if_absent`: a store may have to hold them in memory.
IF_ABSENT_LIMIT = 64 * 2**20
CHUNK = 256 * 1_024  # bytes that are read at a time
_CONTENT_TYPE = re.compile(r"[!-~][ -~]{0,199}")


class ObjectInfo(NamedTuple):
    """What is known of an object. `etag` is another text after each change; listings leave `content_type` empty."""

    key: SafeKey
    size: int
    modified: datetime
    etag: str
    content_type: str


class ObjectReader(Protocol):
    """An object that is open: its content comes in pieces, all from the state that `info` describes."""

    @property
    def info(self) -> ObjectInfo: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Objects(Protocol):
    """Whole files under keys that `botlib.parse_key` has made.

    An object is there completely or not at all: nobody sees a half, also when the writer is killed. Each method raises
    `NotFoundError` for an object that has to be there and is not, and `UnavailableError` when the store does not
    answer.
    """

    async def put(
        self,
        key: SafeKey,
        data: bytes | AsyncIterable[bytes],
        *,
        content_type: str = BINARY,
        if_absent: bool = False,
    ) -> bool:
        """Put an object in, in the place of an earlier one. With `if_absent` that stays, and the answer is False; a
        stream may then have `IF_ABSENT_LIMIT` bytes, or `LimitError`. When `data` raises, nothing changes.
        """
        ...

    async def get(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from `start` up to `end`, which does not count; as many as there are."""
        ...

    def open(
        self, key: SafeKey, *, start: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[ObjectReader]:
        """The same in pieces, for what may be large."""
        ...

    async def head(self, key: SafeKey) -> ObjectInfo:
        """What is known of the object, without its content."""
        ...

    async def list(
        self, folder: SafeKey | None = None, *, after: SafeKey | None = None, limit: int = 1_000
    ) -> list[ObjectInfo]:
        """Up to `limit` objects below the folder, in the order of their keys in UTF-8, from the one that follows
        `after`. Fewer than `limit` are the last ones.
        """
        ...

    async def delete(self, key: SafeKey) -> None:
        """Afterwards the object is not there; when it was not before, that is no error."""
        ...

    async def copy(self, source: SafeKey, target: SafeKey) -> None:
        """Put the same object in under another key, in the place of an earlier one."""
        ...

    async def presign(self, key: SafeKey, *, method: str = "GET", seconds: int = 300) -> str | None:
        """A URL by which anybody may do this one thing ("GET" or "PUT") for a while, or None where there are none.

        It is a secret. The object need not be there.
        """
        ...


OBJECTS = Capability[Objects]("objects", remedy="Add `botstate.objects_service` to the services.")


def check_content_type(text: str) -> str:
    """The text, or `InvalidError` when it is no content type: it goes into headers."""
    if not _CONTENT_TYPE.fullmatch(text):
        raise InvalidError(f"{text[:40]!a} is no content type.", remedy="Give one such as text/plain.")
    return text


def check_range(start: int, end: int | None) -> None:
    """`ValueError` for a range that counts from the end or is the wrong way round."""
    if start < 0 or (end is not None and end < start):
        raise ValueError("A range begins at 0 or later, and does not end before its start.")


def not_found(key: SafeKey) -> NotFoundError:
    """The error of an object that is not there."""
    return NotFoundError(f"There is no object {key}.")


async def gathered(data: bytes | AsyncIterable[bytes]) -> bytes:
    """All of it at once, or `LimitError`."""
    if isinstance(data, bytes):
        return data
    content = bytearray()
    async for piece in data:
        content += piece
        if len(content) > IF_ABSENT_LIMIT:
            raise LimitError(f"A stream that is put if absent may have {IF_ABSENT_LIMIT} bytes, and this one has more.")
    return bytes(content)

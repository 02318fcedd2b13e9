"""Objects in any S3, through obstore. It needs the extra `s3`."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.exceptions import NotFoundError as StoreNotFoundError
from obstore.store import S3Store

from botlib import SafeKey, UnavailableError
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
    from collections.abc import AsyncIterable, AsyncIterator, Iterator

    from obstore import ObjectMeta

    from botlib import Secret
    from botstate.objects.protocol import ObjectReader
    from botstate.objects.service import ObjectsSettings

_METHODS: dict[str, Literal["GET", "PUT"]] = {"GET": "GET", "PUT": "PUT"}


class S3Objects:
    """`Objects` in a bucket. A stream goes up in parts, and the object appears when the last one is there."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def put(
        self,
        key: SafeKey,
        data: bytes | AsyncIterable[bytes],
        *,
        content_type: str = BINARY,
        if_absent: bool = False,
    ) -> bool:
        attributes: Any = {"Content-Type": check_content_type(content_type)}
        with _errors_of(key):
            if not if_absent:
                await obstore.put_async(self._store, key, data, attributes=attributes)
                return True
            content = await gathered(data)
            try:
                await obstore.put_async(self._store, key, content, attributes=attributes, mode="create")
            except AlreadyExistsError:
                return False
            return True

    async def get(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> bytes:
        async with self.open(key, start=start, end=end) as content:
            return b"".join([piece async for piece in content])

    @asynccontextmanager
    async def open(self, key: SafeKey, *, start: int = 0, end: int | None = None) -> AsyncIterator[ObjectReader]:
        check_range(start, end)
        if start == 0 and end is None:
            with _errors_of(key):
                whole = await obstore.get_async(self._store, key)
            yield _Reader(_info(whole.meta, whole.attributes), whole.stream(min_chunk_size=CHUNK))
            return
        info = await self.head(key)
        end = info.size if end is None else min(end, info.size)
        if start >= end:
            yield _Reader(info, _nothing())
            return
        with _errors_of(key):
            # Only of the state that `info` describes: a range of a newer one may be another.
            part = await obstore.get_async(self._store, key, options={"range": (start, end), "if_match": info.etag})
        yield _Reader(info, part.stream(min_chunk_size=CHUNK))

    async def head(self, key: SafeKey) -> ObjectInfo:
        with _errors_of(key):
            found = await obstore.get_async(self._store, key, options={"head": True})
        return _info(found.meta, found.attributes)

    async def list(
        self, folder: SafeKey | None = None, *, after: SafeKey | None = None, limit: int = 1_000
    ) -> list[ObjectInfo]:
        found: list[ObjectInfo] = []
        with _errors_of(folder):
            pages = self._store.list(folder, offset=after, chunk_size=min(limit, 1_000))
            async for page in pages:
                found += [_info(meta, {}) for meta in page]
                if len(found) >= limit:
                    break
        return found[:limit]

    async def delete(self, key: SafeKey) -> None:
        with _errors_of(key):
            try:
                await obstore.delete_async(self._store, key)
            except (StoreNotFoundError, FileNotFoundError):
                return

    async def copy(self, source: SafeKey, target: SafeKey) -> None:
        with _errors_of(source):
            await obstore.copy_async(self._store, source, target)

    async def presign(self, key: SafeKey, *, method: str = "GET", seconds: int = 300) -> str | None:
        if method not in _METHODS or seconds <= 0:
            raise ValueError("A URL is signed for GET or PUT, and for more than 0 seconds.")
        with _errors_of(key):
            return await obstore.sign_async(self._store, _METHODS[method], key, timedelta(seconds=seconds))


def open_s3_objects(settings: ObjectsSettings, secret_key: Secret) -> S3Objects:
    """The objects in the bucket of the settings. Nothing is asked of the server yet."""
    options: dict[str, Any] = {"bucket": settings.bucket, "prefix": settings.prefix or None, "region": settings.region}
    if settings.endpoint:
        options |= {"endpoint": settings.endpoint, "virtual_hosted_style_request": False}
    if settings.access_key:
        options |= {"access_key_id": settings.access_key, "secret_access_key": secret_key.reveal()}
    limit = timedelta(seconds=settings.timeout)
    return S3Objects(
        S3Store(
            **options,
            client_options={
                "allow_http": settings.endpoint.startswith("http:"),
                "connect_timeout": limit,
                "read_timeout": limit,
                "timeout": timedelta(hours=1),  # of a whole transfer; what stands still is ended by the other two
            },
            retry_config={"max_retries": 3, "retry_timeout": limit},
        )
    )


class _Reader:
    def __init__(self, info: ObjectInfo, pieces: AsyncIterator[Any]) -> None:
        self.info = info
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of(self.info.key):
            async for piece in self._pieces:
                yield bytes(piece)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _info(meta: ObjectMeta, attributes: Any) -> ObjectInfo:
    # The key is one that we put in; what others put into the bucket under a stranger name is listed as it is.
    content_type = str(attributes.get("Content-Type", ""))
    return ObjectInfo(SafeKey(meta["path"]), meta["size"], meta["last_modified"], meta["e_tag"] or "", content_type)


@contextmanager
def _errors_of(key: SafeKey | None) -> Iterator[None]:
    # obstore repeats requests in its messages, which hold keys and signatures, so only the kind of error is told.
    try:
        yield
    except (StoreNotFoundError, FileNotFoundError):
        raise not_found(key or SafeKey("")) from None
    except (PermissionDeniedError, UnauthenticatedError, PermissionError):
        raise UnavailableError(
            "The object store refuses our key.", remedy="Look at objects.access_key and objects.secret_key."
        ) from None
    except BaseError as error:
        raise UnavailableError(
            f"The object store did not do what it was asked ({type(error).__name__}).",
            remedy="Look whether objects.endpoint can be reached and has the bucket.",
        ) from None

"""Files that pages are made of: styles, scripts, pictures. Read once, kept in memory, served with cache headers."""

from __future__ import annotations

from hashlib import sha256
from importlib import resources
from mimetypes import guess_type
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

from botlib import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable

#: Below this path all of them are served.
PREFIX = "/static"

_HASH_LENGTH = 16
_YEAR = "public, max-age=31536000, immutable"
# A name without a hash may stand for other bytes tomorrow; asking again costs no more than a 304.
_ASK_AGAIN = "no-cache"


class File(NamedTuple):
    """One file. `url` holds the hash of its bytes, so that it never changes under its address."""

    url: str
    content: bytes
    content_type: str
    etag: str


class Files:
    """The files in `pages/static` of these packages, by "package/name".

    Only what was there at the start is served, by looking it up, so no address leads out of the folders.
    """

    def __init__(self, packages: Iterable[str]) -> None:
        self._files = {key: file for package in packages for key, file in _read_package(package)}
        self._by_url = {file.url: file for file in self._files.values()}

    def url_of(self, key: str) -> str:
        """The address of "package/name", or `NotFoundError`: a mistake in a template."""
        file = self._files.get(key)
        if file is None:
            raise NotFoundError(f"There is no file {key}.", remedy="It belongs into pages/static of its package.")
        return file.url

    def find(self, path: str) -> tuple[File, bool] | None:
        """The file under a path below `PREFIX`, and whether it will stay the same there for ever."""
        hashed = self._by_url.get(f"{PREFIX}/{path}")
        if hashed is not None:
            return hashed, True
        plain = self._files.get(path)
        return None if plain is None else (plain, False)


def create_files_router(files: Files) -> APIRouter:
    """`/static/…` with ETag; whole files only, whatever range is asked for."""
    router = APIRouter(include_in_schema=False)

    @router.api_route(PREFIX + "/{path:path}", methods=["GET", "HEAD"])
    async def serve(path: str, request: Request) -> Response:
        found = files.find(path)
        if found is None:
            raise NotFoundError("There is no such file.")
        file, forever = found
        headers = {"ETag": file.etag, "Cache-Control": _YEAR if forever else _ASK_AGAIN, "Accept-Ranges": "none"}
        if _is_known(file.etag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.content_type)

    return router


def _is_known(etag: str, known: str) -> bool:
    return known.strip() == "*" or etag in {it.strip().removeprefix("W/") for it in known.split(",")}


def _read_package(package: str) -> Iterator[tuple[str, File]]:
    folder = resources.files(package) / "pages" / "static"
    if folder.is_dir():
        for name, entry in _walk(folder, ""):
            yield f"{package}/{name}", _read(package, name, entry)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _read(package: str, name: str, entry: Traversable) -> File:
    content = entry.read_bytes()
    digest = sha256(content).hexdigest()[:_HASH_LENGTH]
    stem, dot, suffix = name.rpartition(".")
    hashed = f"{stem}.{digest}.{suffix}" if dot else f"{name}.{digest}"
    content_type = guess_type(name)[0] or "application/octet-stream"
    return File(f"{PREFIX}/{package}/{hashed}", content, content_type, f'"{digest}"')

"""Unpacking archives that strangers have packed: zip, tar, and tar with gzip."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from botlib import Bytes, InvalidError, LimitError, SafeKey, parse_key

if TYPE_CHECKING:
    from collections.abc import Generator

    from botlib import Budget

_CHUNK = 65_536
_BLOCK = 512  # of tar
_ENCRYPTED = 0x1  # a flag of zip
_SMALL = 1_000_000  # bytes: below it a ratio says nothing


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold: files and folders, bytes in all of them together, and folders within each other.

    `ratio` is how many bytes may come of one byte of the archive.
    """

    entries: int = 10_000
    size: Bytes = 500_000_000
    ratio: float = 200.0
    depth: int = 16


async def extract_archive(
    archive: Path, folder: Path, *, limits: ArchiveLimits | None = None, budget: Budget | None = None
) -> tuple[SafeKey, ...]:
    """Unpack into a new folder, all or nothing, and give the files: their paths below it, in the order of the archive.

    Only files and folders are taken, never links or devices, and neither owners nor modes nor times. What the archive
    says about sizes is not believed. `InvalidError` for an archive that is broken or holds what it should not,
    `LimitError` for one that is too large; the budget counts bytes that are written, and a step for each entry.
    """
    return await asyncio.to_thread(_extract, archive, folder, limits or ArchiveLimits(), budget)


class _Entry(NamedTuple):
    """One entry as the archive tells it. `file` is None for a folder."""

    name: str
    file: IO[bytes] | None


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def _extract(archive: Path, folder: Path, limits: ArchiveLimits, budget: Budget | None) -> tuple[SafeKey, ...]:
    if folder.exists():
        raise InvalidError(f"The folder {folder.name} is already there.", remedy="Unpack into a new one.")
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        writer = _Writer(unfinished, limits, budget, archive.stat().st_size)
        with contextlib.closing(_entries(archive, writer)) as entries:
            for entry in entries:
                writer.write(entry)
        unfinished.rename(folder)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError):
        raise InvalidError("The archive is broken, or packed in a way that is not known here.") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return tuple(writer.files)


class _Writer:
    """Writes below a folder that is its own, and counts."""

    def __init__(self, root: Path, limits: ArchiveLimits, budget: Budget | None, packed: int) -> None:
        self.files: list[SafeKey] = []
        self._root = root
        self._limits = limits
        self._budget = budget
        self._packed = packed
        self._seen: dict[str, bool] = {}
        self._entries = 0
        self._size = 0
        self._stream = 0

    def write(self, entry: _Entry) -> None:
        self.count(entries=1)
        name = entry.name.removesuffix("/") if entry.file is None else entry.name
        if name in {"", "."} and entry.file is None:
            return
        key = parse_key(name.removeprefix("./"))
        if key.count("/") > self._limits.depth:
            raise LimitError(f"The archive holds more than {self._limits.depth} folders within each other.")
        self._claim(key, is_folder=entry.file is None)
        path = self._root / key
        if entry.file is None:
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            while chunk := entry.file.read(_CHUNK):
                self.count(size=len(chunk))
                target.write(chunk)
        self.files.append(key)

    def count(self, *, size: int = 0, entries: int = 0) -> None:
        """Note what came out of the archive. `LimitError` when it is too much."""
        self._entries += entries
        self._size += size
        if self._entries > self._limits.entries:
            raise LimitError(f"The archive holds more than {self._limits.entries} files and folders.")
        if self._size > self._limits.size:
            raise LimitError(f"The archive holds more than {self._limits.size} bytes.")
        if self._size > max(self._packed * self._limits.ratio, _SMALL):
            raise LimitError(f"The archive is packed more than {self._limits.ratio:g} times.")
        if self._budget is not None:
            self._budget.spend(size=size, steps=entries)

    def count_stream(self, size: int) -> None:
        """Note what came out of a tar as a whole: names and the like may be larger than what they name."""
        self._stream += size
        if self._stream - self._size > self._entries * 2 * _BLOCK + _SMALL:
            raise LimitError(f"The archive holds more than {_SMALL} bytes besides its files.")

    def _claim(self, key: SafeKey, *, is_folder: bool) -> None:
        """One place for one entry, also where capitals and accents do not count. Folders may be named again."""
        folded = unicodedata.normalize("NFKC", key).casefold()
        parts = folded.split("/")
        for above in ("/".join(parts[:end]) for end in range(1, len(parts))):
            if not self._seen.setdefault(above, True):
                raise InvalidError("The archive holds a file that is a folder too.")
        if folded in self._seen and not (is_folder and self._seen[folded]):
            raise InvalidError("The archive holds two entries of one name.")
        self._seen[folded] = is_folder


def _entries(archive: Path, writer: _Writer) -> Generator[_Entry]:
    with archive.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield from _tar_entries(_Counted(unpacked, writer))
        elif start in {b"PK\x03\x04", b"PK\x05\x06"}:
            yield from _zip_entries(file)
        else:
            yield from _tar_entries(_Counted(file, writer))


def _zip_entries(file: IO[bytes]) -> Generator[_Entry]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or info.flag_bits & _ENCRYPTED:
                raise InvalidError("The archive holds a link, a device or something encrypted.")
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise InvalidError("The archive is packed in a way that is not known here.")
            # As it was written, before zipfile made a name of this system of it.
            if info.is_dir():
                yield _Entry(info.orig_filename, None)
            else:
                with archive.open(info) as content:
                    yield _Entry(info.orig_filename, content)


def _tar_entries(stream: _Counted) -> Generator[_Entry]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]  # it only reads
        for info in archive:
            if info.isdir():
                yield _Entry(info.name, None)
            elif info.isreg() and not info.issparse():
                content = archive.extractfile(info)
                assert content is not None
                yield _Entry(info.name, content)
            else:
                raise InvalidError("The archive holds a link or a device.")
        # It takes a header that is broken or cut off for the end.
        rest = archive.fileobj
        while rest is not None and (chunk := rest.read(_CHUNK)):
            if chunk.strip(b"\0"):
                raise tarfile.ReadError
    if stream.end != bytes(_BLOCK):
        raise tarfile.ReadError


class _Counted:
    """What a tar consists of, with all that is not in files. `end` is its last block."""

    def __init__(self, stream: _Readable, writer: _Writer) -> None:
        self.end = b""
        self._stream = stream
        self._writer = writer

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._writer.count_stream(len(data))
        self.end = (self.end + data)[-_BLOCK:]
        return data

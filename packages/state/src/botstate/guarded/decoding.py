"""The body of an answer as it was before compression, in pieces that fit into memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from botlib import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST_PIECE = 65_536


class Identity:
    """Nothing to do."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        return


class Gzip:
    """One or several members of gzip. A piece is no larger than 64 KiB, however much a byte of it stands for."""

    def __init__(self) -> None:
        self._member = _open_member()
        self._within = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                self._within = True
                piece = self._member.decompress(data, _LARGEST_PIECE)
                data = self._member.unconsumed_tail
                if self._member.eof:
                    data, self._member, self._within = self._member.unused_data, _open_member(), False
                if piece:
                    yield piece
        except zlib.error:
            raise _broken() from None

    def finish(self) -> None:
        if self._within:
            raise _broken()


def find_decoder(encoding: str) -> Identity | Gzip:
    """The decoder for a Content-Encoding. Only what was asked for is taken: each further one is a bomb of its own."""
    match encoding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Gzip()
        case _:
            raise UnavailableError("The server answered in an encoding that was not asked for.")


def _open_member() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _broken() -> UnavailableError:
    return UnavailableError("The server answered with a body that cannot be decompressed.")

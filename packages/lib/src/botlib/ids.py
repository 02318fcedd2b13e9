"""UUID version 7: ids that sort by the time they were made (RFC 9562, section 5.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from botlib.clock import Clock
    from botlib.randomness import Randomness

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TAIL_BITS = 74  # rand_a (12) and rand_b (62), used as one number
_RAND_B_BITS = 62
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


class IdSource:
    """Makes ids, each larger than the one before, from any thread.

    Ids of one source stay in order within a millisecond and while the clock goes back: the random part of the last id
    is raised by a random step then (RFC 9562, section 6.2, method 2). Ids of several sources are unique by chance:
    74 random bits a millisecond. An id tells when it was made, so it is no secret and no token.
    """

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness
        self._lock = Lock()
        self._milliseconds = -1
        self._tail = 0

    def new_id(self) -> UUID:
        """The next id."""
        now = (self._clock.now() - _EPOCH) // _MILLISECOND
        with self._lock:
            if now > self._milliseconds:
                self._start(now)
            else:
                self._raise_tail()
            return _build(self._milliseconds, self._tail)

    def _start(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds
        # The highest bit starts as zero, which leaves half of the room to the ids that follow in this millisecond.
        self._tail = int.from_bytes(self._randomness.random_bytes(10)) >> (80 - _TAIL_BITS + 1)

    def _raise_tail(self) -> None:
        self._tail += 1 + int.from_bytes(self._randomness.random_bytes(4))
        if self._tail >> _TAIL_BITS:
            self._start(self._milliseconds + 1)


def time_of(identifier: UUID) -> datetime:
    """When this id was made, to the millisecond. `ValueError` when it is of another version."""
    if identifier.version != 7:
        raise ValueError(f"{identifier} is no UUID of version 7, so it does not tell when it was made.")
    return _EPOCH + (identifier.int >> 80) * _MILLISECOND


def _build(milliseconds: int, tail: int) -> UUID:
    rand_a, rand_b = tail >> _RAND_B_BITS, tail & ((1 << _RAND_B_BITS) - 1)
    return UUID(int=milliseconds << 80 | _VERSION | rand_a << 64 | _VARIANT | rand_b)

"""How every service of a server stands, from its start on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from botstate.capability import Capability

_log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """How a service stands. `trouble` is "" when it started; it holds no secret.

    `tries` counts its attempts to start; 0 when it could not even try, because something that it needs is not there.
    """

    service: str
    trouble: str
    tries: int = 1


class Standings(Sequence[Standing]):
    """The standing of every service, in start order. One that failed may start later; one that started has started."""

    def __init__(self, standings: Iterable[Standing]) -> None:
        self._standings = {it.service: it for it in standings}
        self._told: list[Callable[[str], None]] = []

    @overload
    def __getitem__(self, index: int) -> Standing: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Standing, ...]: ...
    def __getitem__(self, index: int | slice) -> Standing | tuple[Standing, ...]:
        return tuple(self._standings.values())[index]

    def __len__(self) -> int:
        return len(self._standings)

    def __iter__(self) -> Iterator[Standing]:
        return iter(tuple(self._standings.values()))

    def of(self, service: str) -> Standing:
        """The standing of one service. `KeyError` when it is not of this server."""
        return self._standings[service]

    def when_started(self, tell: Callable[[str], None]) -> None:
        """Call `tell` with the name of each service that starts from now on, in the event loop, once all is there."""
        self._told.append(tell)

    def change(self, standing: Standing) -> None:
        """For composition only: put down how an attempt to start ended, and tell who wants to know."""
        self._standings[standing.service] = standing
        if standing.trouble:
            return
        for tell in self._told:
            try:
                tell(standing.service)
            except Exception:  # noqa: BLE001 - one listener that fails does not keep the others from hearing
                _log.exception("somebody could not use %s, which has started", standing.service)


#: Composition provides it last.
STANDINGS = Capability[Standings]("standings")

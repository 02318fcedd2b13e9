"""What events do over every `Channels`. Each check gets channels of its own, and a way to them from another process.

Where channels live in one process, that is the same channels twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar
from uuid import UUID

from botlib import FakeClock, FakeRandomness, IdSource, InvalidError
from botstate.channels import Channels, Missed
from botstate.events.envelope import Received, Topic, pack
from botstate.events.events import Events

_MANY = 5_000  # more than anybody keeps for a listener that is slow
T = TypeVar("T")
EventsCheck = Callable[[Channels, Channels], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Where."""

    name: str
    floor: int | None = None


@dataclass(frozen=True)
class Ended:
    """What happened, with a field of each sort."""

    meeting: UUID
    reason: Literal["left", "failed"]
    at: datetime
    people: tuple[str, ...] = ()
    place: Place | None = None
    minutes: float = 0.0


ENDED = Topic("contract.ended", Ended)
STARTED = Topic("contract.started", Place)
_SAMPLE = Ended(UUID(int=7), "left", datetime(2030, 1, 1, tzinfo=UTC), ("Änne", "Bo"), Place("attic", 3), 1.5)


async def whoever_listens_gets_it_as_it_was(one: Channels, other: Channels) -> None:
    async with _events(other).subscribe(ENDED) as there, _events(one).subscribe(ENDED) as here:
        told = await _events(one).publish(ENDED, _SAMPLE)
        for events in (here, there):
            assert await _next(events) == Received(told, FakeClock().now(), _SAMPLE)


async def topics_do_not_mix(one: Channels, other: Channels) -> None:
    async with _events(other).subscribe(STARTED) as events:
        await _events(one).publish(ENDED, _SAMPLE)
        await _events(one).publish(STARTED, Place("attic"))
        received = await _next(events)
        assert isinstance(received, Received)
        assert received.event == Place("attic")


async def a_handler_that_fails_stops_nobody(one: Channels, other: Channels) -> None:
    seen: list[str] = []

    async def fail(received: Received[Place]) -> None:
        seen.append(f"fails {received.event.name}")
        raise OSError("on purpose")

    async def work(received: Received[Place]) -> None:
        seen.append(f"works {received.event.name}")

    events = _events(other)
    async with events.listening(STARTED, fail), events.listening(STARTED, work):
        for name in ("attic", "cellar"):
            await _events(one).publish(STARTED, Place(name))
        await _until(lambda: len(seen) == 4)
    assert sorted(seen) == ["fails attic", "fails cellar", "works attic", "works cellar"]


async def a_subscriber_learns_that_it_missed_some(one: Channels, other: Channels) -> None:
    publisher = _events(one)
    many = json.dumps(pack(STARTED, publisher.stamp(Place("attic")))).encode()
    async with _events(other).subscribe(STARTED) as events:
        for number in range(_MANY):
            await one.publish("events:contract.started", many)
            if number % 1_000 == 0:
                await asyncio.sleep(0)
        last = await publisher.publish(STARTED, Place("cellar"))
        got = [await _next(events)]
        while not isinstance(got[-1], Received) or got[-1].id != last:
            got.append(await _next(events))
    assert any(isinstance(it, Missed) for it in got), "events were lost without a word"


async def what_cannot_be_understood_is_missed(one: Channels, other: Channels) -> None:
    missed: list[bool] = []
    seen: list[Place] = []

    async def note() -> None:
        missed.append(True)

    async def work(received: Received[Place]) -> None:
        seen.append(received.event)

    start = b'{"version": 1, "id": "00000000-0000-0000-0000-000000000007", "time": "2030-01-01T00:00:00+00:00", '
    broken = (
        b"nonsense",
        b"[]",
        b'{"version": 2, "kind": "contract.started"}',
        b'{"version": 1, "id": "1", "time": "now", "kind": "contract.started", "data": {"name": "attic"}}',
        start + b'"kind": "contract.started", "data": {"floor": 1}}',
        start + b'"kind": "contract.ended", "data": {"name": "attic"}}',
    )
    newer = start + b'"kind": "contract.started", "data": {"name": "attic", "colour": "blue"}}'
    async with _events(other).listening(STARTED, work, missed=note):
        for message in (*broken, newer):
            await one.publish("events:contract.started", message)
        await _until(lambda: len(seen) == 1)
    assert (len(missed), seen) == (len(broken), [Place("attic")])


async def an_event_of_another_type_is_refused(one: Channels, other: Channels) -> None:  # noqa: ARG001 - as all checks
    accepted = False
    with suppress(InvalidError):
        await _events(one).publish(ENDED, Place("attic"))  # type: ignore[misc]  # wrong on purpose
        accepted = True
    assert not accepted


EVENTS_CONTRACT: tuple[EventsCheck, ...] = (
    whoever_listens_gets_it_as_it_was,
    topics_do_not_mix,
    a_handler_that_fails_stops_nobody,
    a_subscriber_learns_that_it_missed_some,
    what_cannot_be_understood_is_missed,
    an_event_of_another_type_is_refused,
)


def _events(channels: Channels) -> Events:
    clock = FakeClock()
    return Events(channels, clock=clock, ids=IdSource(clock, FakeRandomness()))


async def _next(events: AsyncIterator[T]) -> T:
    async with asyncio.timeout(10):
        return await anext(events)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)

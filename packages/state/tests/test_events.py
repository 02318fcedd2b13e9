import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import FakeRandomness, IdSource, InvalidError, SystemClock
from botstate import (
    EVENTS,
    CacheSettings,
    DatabaseSettings,
    Events,
    MemoryChannels,
    Received,
    RecordedEvents,
    Settings,
    Topic,
    cache_service,
    compose,
    events_service,
    foundation,
)
from botstate.events import envelope, events
from botstate.events.recorded import KIND
from botstate.storage import open_database
from botstate.testing.events import ENDED, EVENTS_CONTRACT, STARTED, EventsCheck, Place
from botstate.testing.outbox import Process, start

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", EVENTS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: EventsCheck) -> None:
    channels = MemoryChannels()
    await check(channels, channels)


async def test_the_contract_catches_handlers_that_are_not_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handle(_topic: object, received: AsyncIterator[Received[Place]], handler: object, *_: object) -> None:
        async for event in received:
            await handler(event)  # type: ignore[operator] # the twin of the real one

    monkeypatch.setattr(events, "_handle", handle)
    check = next(it for it in EVENTS_CONTRACT if it.__name__ == "a_handler_that_fails_stops_nobody")
    channels = MemoryChannels()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await check(channels, channels)


async def test_the_contract_catches_events_that_are_skipped_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unpacked(topic: Topic[Place], messages: AsyncIterator[bytes]) -> AsyncIterator[Received[Place]]:
        async for message in messages:
            try:
                yield envelope.unpack(topic, message)
            except InvalidError:
                continue

    monkeypatch.setattr(events, "_unpacked", unpacked)
    check = next(it for it in EVENTS_CONTRACT if it.__name__ == "what_cannot_be_understood_is_missed")
    channels = MemoryChannels()
    with pytest.raises(AssertionError):
        await check(channels, channels)


class Platform(NamedTuple):
    """One process of a server."""

    process: Process
    live: Events
    recorded: RecordedEvents

    async def record(self, name: str) -> UUID:
        async def work(session: AsyncSession) -> UUID:
            return await self.recorded.record(session, STARTED, Place(name))

        return await self.process.database.write(work)


@asynccontextmanager
async def open_platform(settings: DatabaseSettings, *, create: bool = True, seed: int = 0) -> AsyncIterator[Platform]:
    clock, randomness = SystemClock(), FakeRandomness(seed)
    channels = MemoryChannels()
    async with start(
        lambda: open_database(settings, clock, randomness), channels=channels, create=create, seed=seed
    ) as process:
        live = Events(channels, clock=clock, ids=IdSource(clock, randomness))
        recorded = RecordedEvents(process.database, process.outbox, live)
        async with process.outbox.handling(KIND, recorded.tell_listeners):
            yield Platform(process, live, recorded)


class Follower:
    """Notes what it gets. It fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.got: list[Received[Place]] = []
        self._failures = failures

    async def __call__(self, received: Received[Place]) -> None:
        self.got.append(received)
        if len(self.got) <= self._failures:
            raise OSError("on purpose")

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.got) < count:  # noqa: ASYNC110 - a list tells nobody that it grew
                await asyncio.sleep(0.005)


async def test_what_is_recorded_reaches_followers_and_listeners(empty_database: DatabaseSettings) -> None:
    first, second = Follower(), Follower(failures=1)
    async with (
        open_platform(empty_database) as platform,
        platform.recorded.following(STARTED, "first", first),
        platform.recorded.following(STARTED, "second", second),
        platform.live.subscribe(STARTED) as listened,
        asyncio.timeout(30),
    ):
        event = await platform.record("attic")
        await first.until(1)
        await second.until(2)
        heard = await anext(listened)

    assert isinstance(heard, Received)
    assert {(it.id, it.event) for it in (*first.got, *second.got, heard)} == {(event, Place("attic"))}
    assert (len(first.got), len(second.got)) == (1, 2)


async def test_a_follower_that_is_away_gets_it_later(empty_database: DatabaseSettings) -> None:
    follower = Follower()
    async with open_platform(empty_database) as platform:
        async with platform.recorded.following(STARTED, "mail", follower):
            pass
        event = await platform.record("attic")
    async with (
        open_platform(empty_database, create=False, seed=1) as later,
        later.recorded.following(STARTED, "mail", follower),
    ):
        await follower.until(1)

    assert [it.id for it in follower.got] == [event]


async def test_what_is_undone_is_not_told(empty_database: DatabaseSettings) -> None:
    follower = Follower()
    async with open_platform(empty_database) as platform, platform.recorded.following(STARTED, "mail", follower):

        async def fail(session: AsyncSession) -> None:
            await platform.recorded.record(session, STARTED, Place("attic"))
            raise LookupError("no such bot")

        with pytest.raises(LookupError):
            await platform.process.database.write(fail)
        event = await platform.record("cellar")
        await follower.until(1)

    assert [it.id for it in follower.got] == [event]


async def test_one_that_is_dismissed_gets_nothing_more(empty_database: DatabaseSettings) -> None:
    follower, other = Follower(), Follower()
    async with (
        open_platform(empty_database) as platform,
        platform.recorded.following(STARTED, "mail", follower),
        platform.recorded.following(STARTED, "other", other),
    ):
        await platform.recorded.dismiss(STARTED, "mail")
        await platform.record("attic")
        await other.until(1)

    assert follower.got == []


async def test_what_this_release_does_not_understand_is_told_in_the_log(empty_database: DatabaseSettings) -> None:
    @dataclass(frozen=True)
    class Newer:
        name: int

    async with open_platform(empty_database) as platform:
        async with platform.recorded.following(STARTED, "mail", Follower()):
            pass

        async def work(session: AsyncSession) -> UUID:
            return await platform.recorded.record(session, Topic(STARTED.name, Newer), Newer(7))

        event = await platform.process.database.write(work)
        async with platform.recorded.following(STARTED, "mail", Follower()), asyncio.timeout(30):
            dead = await platform.process.outbox.messages(f"event:{event}", state="dead")
            while not dead:
                dead = await platform.process.outbox.messages(f"event:{event}", state="dead")
        (delivery,) = await platform.process.outbox.deliveries(dead[0].id)

    assert delivery.detail == "An event of the topic contract.started cannot be understood."


async def test_a_follower_has_a_name(empty_database: DatabaseSettings) -> None:
    async with open_platform(empty_database) as platform:
        with pytest.raises(InvalidError, match=r"^The name of a follower has 1 to 100 characters\.$"):
            async with platform.recorded.following(STARTED, "", Follower()):
                pytest.fail("it has none")


async def test_it_is_a_service() -> None:
    settings = Settings({"cache": CacheSettings()})
    async with (
        compose([foundation(settings), cache_service, events_service]) as state,
        state.require(EVENTS).subscribe(STARTED) as listened,
    ):
        told = await state.require(EVENTS).publish(STARTED, Place("attic"))
        received = await anext(listened)
        assert isinstance(received, Received)
        assert received.id == told


@pytest.mark.parametrize("name", ["", "Meeting", "meeting..ended", ".a", "a:b", "a" * 81])
def test_a_topic_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"^A topic has a name such as meeting\.ended, not "):
        Topic(name, Place)


def test_an_event_is_a_dataclass() -> None:
    with pytest.raises(ValueError, match=r"^The events of a are a frozen dataclass\.$"):
        Topic("a", dict)
    assert ENDED.adapter is ENDED.adapter

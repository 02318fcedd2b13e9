import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from botlib import FakeClock, FakeRandomness, UnavailableError
from botstate import (
    CACHE,
    CHANNELS,
    CLOCK,
    IDS,
    RANDOMNESS,
    SECRETS,
    SETTINGS,
    STANDINGS,
    STREAMS,
    AppState,
    CacheSettings,
    Capability,
    Provider,
    SealedStateError,
    Service,
    Settings,
    Standing,
    StartupError,
    StateError,
    cache_service,
    compose,
    foundation,
    given,
)
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio

DRIVE = Capability[str]("drive")
MAIL = Capability[str]("mail")
BASIS: tuple[Capability[Any], ...] = (CACHE, CHANNELS, CLOCK, IDS, RANDOMNESS, SECRETS, SETTINGS, STREAMS)
CHAT = Capability[str]("chat")


class Journal:
    """Makes providers that write down when they open and close."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def provider(
        self,
        capability: Capability[str],
        *,
        needs: tuple[Capability[str], ...] = (),
        opening: BaseException | None = None,
        closing: BaseException | None = None,
    ) -> Provider[str]:
        @asynccontextmanager
        async def open_it(state: AppState) -> AsyncIterator[str]:
            seen = [state.require(needed) for needed in needs]
            if opening is not None:
                raise opening
            self.lines.append(f"open {capability.name}")
            try:
                yield f"{capability.name}{seen or ''}"
            finally:
                self.lines.append(f"close {capability.name}")
                if closing is not None:
                    raise closing

        return Provider(capability, open_it)


async def standings_of(*services: Service) -> dict[str, str]:
    async with compose(services) as state:
        return {standing.service: standing.trouble for standing in state.require(STANDINGS)}


async def test_providers_open_in_order_and_close_in_reverse() -> None:
    journal = Journal()
    services = (
        Service(name="chat", provides=(journal.provider(CHAT, needs=(MAIL, DRIVE)),), requires=(MAIL, DRIVE)),
        Service(name="mail", provides=(journal.provider(MAIL, needs=(DRIVE,)),), requires=(DRIVE,)),
        Service(name="storage", provides=(journal.provider(DRIVE),)),
    )

    async with compose(services) as state:
        assert state.require(CHAT) == "chat[\"mail['drive']\", 'drive']"
        standings = state.require(STANDINGS)
        assert tuple(standings) == (Standing("storage", ""), Standing("mail", ""), Standing("chat", ""))

    assert journal.lines == ["open drive", "open mail", "open chat", "close chat", "close mail", "close drive"]


async def test_the_state_is_sealed_once_composed() -> None:
    async with compose([]) as state:
        with pytest.raises(SealedStateError):
            state.provide(DRIVE, "late")


async def test_nothing_is_opened_when_the_services_do_not_fit() -> None:
    journal = Journal()
    services = (
        Service(name="storage", provides=(journal.provider(DRIVE),)),
        Service(name="chat", requires=(MAIL,)),
    )

    with pytest.raises(StartupError, match="chat needs mail"):
        async with compose(services):
            pytest.fail("composed all the same")
    assert journal.lines == []


async def test_a_provider_that_fails_takes_only_its_dependants_with_it(caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal()
    refused = UnavailableError("The mail server refused the password.", remedy="Set another one.")
    services = (
        Service(name="storage", provides=(journal.provider(DRIVE),)),
        Service(name="post", provides=(journal.provider(MAIL, opening=refused),)),
        Service(name="talk", provides=(journal.provider(CHAT),), requires=(MAIL,)),
        Service(name="last", requires=(CHAT, DRIVE)),
    )

    assert await standings_of(*services) == {
        "storage": "",
        "post": "mail did not open: The mail server refused the password. Set another one.",
        "talk": "It needs mail, which did not start.",
        "last": "It needs chat, which did not start.",
    }
    assert journal.lines == ["open drive", "close drive"]
    assert [record.message for record in caplog.records] == ["mail did not open"]


async def test_the_text_of_a_foreign_error_is_not_shown_to_strangers() -> None:
    failing = Journal().provider(MAIL, opening=ValueError("postgresql://me:secret@host"))

    assert await standings_of(Service(name="post", provides=(failing,))) == {
        "post": "mail did not open: ValueError. The log says more."
    }


async def test_what_a_service_opened_before_its_failure_is_closed_at_the_end() -> None:
    journal = Journal()
    service = Service(name="post", provides=(journal.provider(DRIVE), journal.provider(MAIL, opening=OSError())))

    async with compose([service]) as state:
        assert (state.has(DRIVE), state.has(MAIL)) == (True, False)

    assert journal.lines == ["open drive", "close drive"]


async def test_a_failure_while_closing_does_not_keep_others_open() -> None:
    journal = Journal()
    services = (
        Service(name="a", provides=(journal.provider(DRIVE),)),
        Service(name="b", provides=(journal.provider(MAIL, closing=OSError("disk gone")),)),
    )

    with pytest.raises(OSError, match="disk gone"):
        async with compose(services):
            pass
    assert journal.lines[-2:] == ["close mail", "close drive"]


async def test_an_error_of_the_server_passes_through_and_all_is_closed() -> None:
    journal = Journal()

    with pytest.raises(RuntimeError, match="server"):
        async with compose([Service(name="a", provides=(journal.provider(DRIVE),))]):
            raise RuntimeError("server")
    assert journal.lines == ["open drive", "close drive"]


async def test_cancelling_the_start_closes_what_is_open() -> None:
    journal = Journal()
    reached = asyncio.Event()

    @asynccontextmanager
    async def never(_state: AppState) -> AsyncIterator[str]:
        reached.set()
        await asyncio.Event().wait()
        yield ""

    services = (
        Service(name="a", provides=(journal.provider(DRIVE),)),
        Service(name="b", provides=(Provider(MAIL, never),)),
    )
    start = asyncio.create_task(standings_of(*services))
    await reached.wait()

    start.cancel()

    with pytest.raises(asyncio.CancelledError):
        await start
    assert journal.lines == ["open drive", "close drive"]


@asynccontextmanager
async def hangs_while_opening(_state: AppState) -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


@asynccontextmanager
async def hangs_while_closing(_state: AppState) -> AsyncIterator[str]:
    yield ""
    await asyncio.Event().wait()


@asynccontextmanager
async def runs_into_a_time_out_of_its_own(_state: AppState) -> AsyncIterator[str]:
    yield ""
    raise TimeoutError("of its own")


async def test_a_provider_that_hangs_while_opening_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    hanging = Service(name="post", provides=(Provider(MAIL, hangs_while_opening, time_limit=0.01),))

    assert await standings_of(hanging, foundation()) == {
        "foundation": "",
        "post": "mail did not open within 0.01 seconds.",
    }
    assert "mail did not open within 0.01 seconds" in caplog.text


@pytest.mark.parametrize(
    ("opener", "kind", "text"),
    [
        (hangs_while_closing, StateError, r"^mail did not close within 0\.01 seconds\.$"),
        (runs_into_a_time_out_of_its_own, TimeoutError, "^of its own$"),
    ],
)
async def test_a_provider_that_hangs_while_closing_is_given_up(
    opener: Callable[[AppState], AbstractAsyncContextManager[str]], kind: type[Exception], text: str
) -> None:
    journal = Journal()
    services = (
        Service(name="a", provides=(journal.provider(DRIVE),)),
        Service(name="b", provides=(Provider(MAIL, opener, time_limit=0.01),)),
    )

    with pytest.raises(kind, match=text):
        await standings_of(*services)
    assert journal.lines == ["open drive", "close drive"]


async def test_the_foundation_gives_time_chance_and_ids() -> None:
    clock, randomness = FakeClock(), FakeRandomness()

    async with compose([foundation(clock=clock, randomness=randomness)]) as state:
        assert state.require(CLOCK) is clock
        assert state.require(RANDOMNESS) is randomness
        assert state.require(IDS).new_id() < state.require(IDS).new_id()
    async with compose([foundation()]) as state:
        assert state.require(IDS).new_id().version == 7


async def test_the_fake_state_holds_what_the_basis_provides() -> None:
    settings = Settings({"cache": CacheSettings()})
    async with compose([foundation(settings), cache_service]) as state:
        real = {capability for capability in BASIS if state.has(capability)}
    fake = fake_state()

    assert real == set(BASIS)
    assert real == {capability for capability in BASIS if fake.has(capability)}
    assert fake.require(IDS).new_id() == fake_state().require(IDS).new_id()


async def test_a_value_can_be_given_as_it_is() -> None:
    async with compose([Service(name="a", provides=(given(DRIVE, "the drive"),))]) as state:
        assert state.require(DRIVE) == "the drive"

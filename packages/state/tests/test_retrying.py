import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from botlib import FakeClock, FakeRandomness, UnavailableError
from botstate import (
    CLOCK,
    STANDINGS,
    AppState,
    Capability,
    Provider,
    SealedStateError,
    Service,
    Standing,
    Standings,
    compose,
    foundation,
)
from botstate.retrying import delay_before_try

pytestmark = pytest.mark.anyio

DRIVE = Capability[str]("drive")
MAIL = Capability[str]("mail")
CHAT = Capability[str]("chat")


class Moody:
    """A provider that fails as often as it is told, and writes down what it does."""

    def __init__(self, capability: Capability[str], failures: Iterable[Exception | None], lines: list[str]) -> None:
        self._capability = capability
        self._failures = iter(failures)
        self._lines = lines

    @property
    def provider(self) -> Provider[str]:
        @asynccontextmanager
        async def open_it(_state: AppState) -> AsyncIterator[str]:
            name = self._capability.name
            failure = next(self._failures, None)
            self._lines.append(f"{'fail' if failure else 'open'} {name}")
            if failure:
                raise failure
            ended = "closed in peace"
            try:
                async with asyncio.timeout(100):  # belongs to the task that entered it
                    yield name
            except BaseException as error:
                ended = f"ended by {type(error).__name__}"
                raise
            finally:
                self._lines.append(f"{name} {ended}")

        return Provider(self._capability, open_it)


AWAY = UnavailableError("It is away.")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def troubled(clock: FakeClock, lines: list[str], failures: int) -> list[Service]:
    """A drive that fails so often, a chat that needs it, and a mail that does not."""
    return [
        foundation(clock=clock, randomness=FakeRandomness()),
        Service(name="drive", provides=(Moody(DRIVE, [AWAY] * failures, lines).provider,), requires=(CLOCK,)),
        Service(name="chat", provides=(Moody(CHAT, [], lines).provider,), requires=(DRIVE,)),
        Service(name="mail", provides=(Moody(MAIL, [], lines).provider,), requires=(CLOCK,)),
    ]


def standing(state: AppState, name: str) -> tuple[str, int]:
    found = state.require(STANDINGS).of(name)
    return found.trouble, found.tries


async def test_what_failed_at_start_is_tried_again_and_takes_its_dependants_along(clock: FakeClock) -> None:
    lines: list[str] = []
    told: list[str] = []
    async with compose(troubled(clock, lines, failures=2)) as state:
        state.require(STANDINGS).when_started(told.append)
        assert standing(state, "drive") == ("drive did not open: It is away.", 1)
        assert standing(state, "chat") == ("It needs drive, which did not start.", 0)

        await clock.advance(4)
        assert lines == ["fail drive", "open mail"]
        await clock.advance(2)
        assert (standing(state, "drive"), state.has(DRIVE)) == (("drive did not open: It is away.", 2), False)
        await clock.advance(8)
        assert lines[2:] == ["fail drive"]
        await clock.advance(4)

        assert [standing(state, name) for name in ("drive", "chat")] == [("", 3), ("", 1)]
        assert (state.require(DRIVE), state.require(CHAT), told) == ("drive", "chat", ["drive", "chat"])
        assert [it.service for it in state.require(STANDINGS)] == ["foundation", "drive", "mail", "chat"]

    assert lines[3:] == [
        "open drive",
        "open chat",
        "chat closed in peace",
        "drive closed in peace",
        "mail closed in peace",
    ]


async def test_only_composition_adds_to_a_sealed_state(clock: FakeClock) -> None:
    async with compose(troubled(clock, [], failures=1)) as state:
        with pytest.raises(SealedStateError):
            state.provide(DRIVE, "mine")
        table = state._table
        await clock.advance(6)

        assert state.require(DRIVE) == "drive"
        assert "drive" not in table  # a reader in another thread saw one table or the other


async def test_what_a_service_opened_before_its_failure_is_not_opened_again(clock: FakeClock) -> None:
    lines: list[str] = []
    providers = (Moody(DRIVE, [], lines).provider, Moody(MAIL, [AWAY], lines).provider)
    async with compose([foundation(clock=clock), Service(name="a", provides=providers)]) as state:
        await clock.advance(6)
        assert standing(state, "a") == ("", 2)

    assert lines == ["open drive", "fail mail", "open mail", "mail closed in peace", "drive closed in peace"]


async def test_one_that_hangs_does_not_keep_the_server_from_stopping(clock: FakeClock) -> None:
    reached, lines = asyncio.Event(), list[str]()

    @asynccontextmanager
    async def hang(_state: AppState) -> AsyncIterator[str]:
        if lines:
            reached.set()
            await asyncio.Event().wait()
        lines.append("failed")
        raise AWAY
        yield ""

    async with (
        asyncio.timeout(5),
        compose([foundation(clock=clock), Service(name="a", provides=(Provider(DRIVE, hang),))]),
    ):
        await clock.advance(6)
        await reached.wait()


async def test_cancelling_while_it_closes_gives_up_closing(clock: FakeClock) -> None:
    closing = asyncio.Event()

    @asynccontextmanager
    async def late(state: AppState) -> AsyncIterator[str]:
        if state.require(STANDINGS).of("a").tries == 1 if state.has(STANDINGS) else False:
            yield "late"
            closing.set()
            await asyncio.Event().wait()
        raise AWAY

    async def live() -> None:
        async with compose([foundation(clock=clock), Service(name="a", provides=(Provider(DRIVE, late),))]) as state:
            await clock.advance(6)
            assert state.require(DRIVE) == "late"

    task = asyncio.create_task(live())
    await asyncio.wait_for(closing.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_nothing_runs_in_the_background_when_all_is_well() -> None:
    before = asyncio.all_tasks()
    async with compose([foundation()]):
        assert asyncio.all_tasks() == before


def test_the_delays_double_up_to_five_minutes_and_differ_a_little() -> None:
    delays = [delay_before_try(tries, FakeRandomness(tries)) for tries in range(1, 12)]

    expected = [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300]
    assert all(0.9 * bare <= delay <= 1.1 * bare for bare, delay in zip(expected, delays, strict=True))
    assert len({delay / bare for bare, delay in zip(expected, delays, strict=True)}) == len(delays)
    assert delay_before_try(10_000, FakeRandomness()) <= 330


def test_whoever_fails_when_told_does_not_keep_others_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    standings, told = Standings([Standing("a", "away")]), list[str]()

    def fail(_name: str) -> None:
        raise RuntimeError

    for tell in (fail, told.append):
        standings.when_started(tell)
    standings.change(Standing("a", "still away", 2))
    standings.change(Standing("a", "", 3))

    assert (told, caplog.messages) == (["a"], ["somebody could not use a, which has started"])
    assert (standings[0], standings[:1], len(standings)) == (Standing("a", "", 3), (Standing("a", "", 3),), 1)


async def test_a_retry_that_never_comes_is_noticed(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the first test: with endless delays nothing starts."""
    monkeypatch.setattr("botstate.retrying.FIRST_DELAY", 1e9)
    monkeypatch.setattr("botstate.retrying.LONGEST_DELAY", 1e9)
    async with compose(troubled(clock, [], failures=1)) as state:
        await clock.advance(1000)
        assert standing(state, "drive") == ("drive did not open: It is away.", 1)

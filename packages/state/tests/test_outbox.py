from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import FakeRandomness, InvalidError, SystemClock
from botstate import DatabaseSettings
from botstate.errors import StateError
from botstate.outbox import OutboxSettings, store
from botstate.outbox.schedule import pause_after
from botstate.outbox.tables import messages
from botstate.storage import open_database
from botstate.testing.database import OpenAnother
from botstate.testing.outbox import OUTBOX_CONTRACT, OutboxCheck, Recorder, start, until_all_are

pytestmark = pytest.mark.anyio


@pytest.fixture
def open_another(tmp_path: Path) -> OpenAnother:
    settings = DatabaseSettings(tmp_path / "test.sqlite3")
    return partial(open_database, settings, SystemClock(), FakeRandomness())


@pytest.mark.parametrize("check", OUTBOX_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: OutboxCheck, empty_database: DatabaseSettings) -> None:
    await check(partial(open_database, empty_database, SystemClock(), FakeRandomness()))


async def test_the_contract_catches_a_claim_without_lease(
    empty_database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_due = store.claim_due

    async def claim(session: AsyncSession, **options: Any) -> object:
        return await claim_due(session, **options | {"lease": timedelta(0)})

    monkeypatch.setattr(store, "claim_due", claim)
    monkeypatch.setattr("botstate.testing.outbox.PATIENCE", 2.0)
    check = next(it for it in OUTBOX_CONTRACT if it.__name__ == "several_at_once_never_deliver_the_same")

    with pytest.raises((AssertionError, TimeoutError)):
        await check(partial(open_database, empty_database, SystemClock(), FakeRandomness()))


async def test_the_contract_catches_a_message_that_is_marked_before_it_is_delivered(
    open_another: OpenAnother, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_due = store.claim_due

    async def claim(session: AsyncSession, **options: Any) -> object:
        claims = await claim_due(session, **options)
        await session.execute(messages.update().values(state="delivered", claim=None))
        return claims

    monkeypatch.setattr(store, "claim_due", claim)
    check = next(it for it in OUTBOX_CONTRACT if it.__name__ == "a_failure_is_tried_again_with_the_same_id")

    with pytest.raises(AssertionError):
        await check(open_another)


@pytest.mark.parametrize(
    ("kind", "key", "payload", "sentence"),
    [
        ("", "", {}, "Kind and key of a message are at most 200 characters, and there is a kind."),
        ("x" * 201, "", {}, "Kind and key of a message are at most 200 characters, and there is a kind."),
        ("count", "x" * 201, {}, "Kind and key of a message are at most 200 characters, and there is a kind."),
        ("count", "", {"number": float("nan")}, "The payload of a message is no JSON: Out of range float values"),
        ("count", "", {"number": object()}, "The payload of a message is no JSON: Object of type object is not"),
        ("count", "", {"text": "x" * 1_000_000}, "The payload of a message is larger than 1000000 bytes."),
    ],
)
async def test_what_does_not_fit_is_refused_in_the_unit(
    open_another: OpenAnother, kind: str, key: str, payload: dict[str, object], sentence: str
) -> None:
    async with start(open_another) as process:

        async def work(session: AsyncSession) -> None:
            await process.outbox.enqueue(session, kind, payload, key=key)

        with pytest.raises(InvalidError) as raised:
            await process.database.write(work)

    assert str(raised.value).startswith(sentence)


async def test_a_message_may_wait_for_its_time(open_another: OpenAnother) -> None:
    async with start(open_another) as process, process.outbox.handling("count", Recorder()):
        later = datetime.now(UTC) + timedelta(hours=1)

        async def work(session: AsyncSession) -> object:
            return await process.outbox.enqueue(session, "count", {}, key="later", due=later)

        await process.database.write(work)
        assert [(it.state, it.due) for it in await process.outbox.messages("later")] == [("pending", later)]


async def test_a_kind_has_one_handler(open_another: OpenAnother) -> None:
    async with start(open_another) as process, process.outbox.handling("count", Recorder()):
        with pytest.raises(StateError, match=r"^There is already a handler for messages of the kind count\.$"):
            async with process.outbox.handling("count", Recorder()):
                pytest.fail("two handlers")


async def test_what_is_done_with_is_forgotten_after_a_while(open_another: OpenAnother) -> None:
    async with start(open_another) as process:
        async with process.outbox.handling("count", Recorder()):
            await process.enqueue(1, 2)
            await until_all_are(process, "delivered", 2)
        await process.enqueue(3)

        async def forget(session: AsyncSession) -> int:
            return await store.forget_done(session, datetime.now(UTC) + timedelta(days=1))

        assert await process.database.write(forget) == 2
        assert [it.state for it in await process.outbox.messages("mine")] == ["pending"]


async def test_a_database_that_is_away_comes_back(
    open_another: OpenAnother, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    any_due, failures = store.any_due, [OSError("away"), OSError("away")]

    async def sometimes(session: AsyncSession, **options: Any) -> bool:
        if failures:
            raise failures.pop()
        return await any_due(session, **options)

    monkeypatch.setattr(store, "any_due", sometimes)
    check = OUTBOX_CONTRACT[0]
    await check(open_another)

    assert failures == []
    assert "the outbox cannot be read; trying again" in caplog.messages


async def test_channels_that_are_away_cost_hints_and_no_more(
    open_another: OpenAnother, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        async def publish(self, *_: object) -> None:
            raise OSError("away")

        @asynccontextmanager
        async def subscribe(self, _: str) -> AsyncIterator[Any]:
            raise OSError("away")
            yield

    async with (
        start(open_another, channels=Away()) as process,
        process.outbox.handling("count", recorder := Recorder()),
    ):
        await process.enqueue(1)
        while not recorder.seen:
            await process.outbox.messages("mine")

    assert {"others learn of a message by polling only", "no hints come for the outbox; polling goes on"} == set(
        caplog.messages
    )


def test_pauses_double_up_to_the_longest_and_end() -> None:
    settings = OutboxSettings(attempts=8, first_pause=1, longest_pause=20)

    class Never:
        def random_bytes(self, count: int) -> bytes:
            raise NotImplementedError

        def uniform(self, low: float, high: float) -> float:
            assert (low, high) == (0.5, 1.0)
            return high

    pauses = [pause_after(attempt, settings, Never()) for attempt in range(1, 10)]
    assert pauses == [1, 2, 4, 8, 16, 20, 20, None, None]
    assert pause_after(1, settings, Never(), asked=7) == 7
    assert pause_after(1, settings, Never(), asked=7_000) == 20
    assert pause_after(400, OutboxSettings(attempts=500), FakeRandomness()) is not None


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"poll": -1}, {"stop_seconds": -1}, {"attempts": 0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        OutboxSettings(**wrong)

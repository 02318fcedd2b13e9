import asyncio

import pytest

from botlib import FakeClock
from botstate import Entry, MemoryStreams
from botstate.testing import STREAMS_CONTRACT, StreamsCheck

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", STREAMS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: StreamsCheck) -> None:
    clock = FakeClock()
    await check(MemoryStreams(clock), clock.advance)


class ForgetfulStreams(MemoryStreams):
    """Takes everything that was read for done, as publish and subscribe does."""

    async def read(self, stream: str, group: str, *, count: int = 10, wait: float = 0.0) -> list[Entry]:
        entries = await super().read(stream, group, count=count, wait=wait)
        await self.acknowledge(stream, group, [entry.id for entry in entries])
        return entries


class GreedyStreams(MemoryStreams):
    """Hands everything out to every reader, as a list without groups does."""

    async def read(self, stream: str, group: str, *, count: int = 10, wait: float = 0.0) -> list[Entry]:
        task = asyncio.current_task()
        assert task is not None
        return await super().read(stream, f"{group} of {task.get_name()}", count=count, wait=wait)


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (ForgetfulStreams, "what_was_not_acknowledged_is_claimed"),
        (GreedyStreams, "many_consumers_share_the_work"),
    ],
)
async def test_the_contract_catches_what_is_broken(broken: type[MemoryStreams], caught_by: str) -> None:
    check = next(check for check in STREAMS_CONTRACT if check.__name__ == caught_by)
    clock = FakeClock()

    with pytest.raises(AssertionError):
        await check(broken(clock), clock.advance)

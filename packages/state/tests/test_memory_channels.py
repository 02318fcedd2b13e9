import pytest

from botstate import Channels, MemoryChannels
from botstate.mailbox import Mailbox
from botstate.testing import CHANNELS_CONTRACT, ChannelsCheck

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("check", CHANNELS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: ChannelsCheck) -> None:
    await check(MemoryChannels())


async def test_the_contract_catches_messages_that_are_lost_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(mailbox: Mailbox, message: bytes) -> None:
        if len(mailbox._messages) >= mailbox._capacity:
            mailbox._messages.popleft()
        mailbox._messages.append(message)
        mailbox._arrived.set()

    monkeypatch.setattr(Mailbox, "put", put)
    check = next(it for it in CHANNELS_CONTRACT if it.__name__ == "who_is_too_slow_learns_it_and_gets_the_newest")

    with pytest.raises(AssertionError, match="without a word"):
        await check(MemoryChannels())


async def test_a_channel_that_nobody_listens_to_is_forgotten() -> None:
    channels = MemoryChannels()
    async with channels.subscribe("a"), channels.subscribe("a"):
        pass

    assert channels._listeners == {}


async def test_one_that_is_published_to_while_listeners_change_goes_to_all_that_are_there() -> None:
    channels: Channels = MemoryChannels()
    async with channels.subscribe("a") as messages:
        async with channels.subscribe("a"):
            await channels.publish("a", b"1")
        await channels.publish("a", b"2")
        assert [await anext(messages), await anext(messages)] == [b"1", b"2"]

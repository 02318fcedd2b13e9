"""What all `Channels` do. Each check gets channels of its own.

Those that reach over a network also pass `CHANNELS_FAULTS`: each of these checks gets a way to cut them off as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress

from botlib import UnavailableError
from botstate.channels import Channels, Missed

#: More messages than any listener may be behind.
_MANY = 5_000
ChannelsCheck = Callable[[Channels], Awaitable[None]]
#: Within the context nothing reaches the server; after it everything does.
CutOff = Callable[[], AbstractAsyncContextManager[None]]
ChannelsFault = Callable[[Channels, CutOff], Awaitable[None]]


async def whoever_listens_gets_every_message_in_order(channels: Channels) -> None:
    async with channels.subscribe("a") as first, channels.subscribe("a") as second:
        for number in range(100):
            await channels.publish("a", b"%d" % number)
        for messages in (first, second):
            assert [await _next(messages) for _ in range(100)] == [b"%d" % number for number in range(100)]


async def nobody_listening_is_no_error(channels: Channels) -> None:
    await channels.publish("a", b"1")
    async with channels.subscribe("a") as messages:
        await channels.publish("a", b"2")
        assert await _next(messages) == b"2"
    await channels.publish("a", b"3")


async def channels_do_not_mix(channels: Channels) -> None:
    async with channels.subscribe("a") as messages, channels.subscribe("a*") as pattern:
        await channels.publish("ab", b"1")
        await channels.publish("a", b"\x00\xff")
        await channels.publish("a*", b"3")
        assert [await _next(messages), await _next(pattern)] == [b"\x00\xff", b"3"]


async def a_message_wakes_who_waits(channels: Channels) -> None:
    async with channels.subscribe("a") as messages:
        waiting = asyncio.create_task(_next(messages))
        await asyncio.sleep(0)
        await channels.publish("a", b"1")
        assert await waiting == b"1"


async def one_that_leaves_stops_no_other(channels: Channels) -> None:
    async with channels.subscribe("a") as stays:
        async with channels.subscribe("a"):
            pass
        await channels.publish("a", b"1")
        assert await _next(stays) == b"1"


async def who_is_too_slow_learns_it_and_gets_the_newest(channels: Channels) -> None:
    async with channels.subscribe("a") as messages:
        for number in range(_MANY):
            await channels.publish("a", b"%d" % number)
            if number % 1_000 == 0:
                await asyncio.sleep(0)
        got: list[bytes | Missed] = [await _next(messages)]
        while got[-1] != b"%d" % (_MANY - 1):
            got.append(await _next(messages))
        assert any(isinstance(message, Missed) for message in got), "messages were lost without a word"
        numbers = [int(message) for message in got if not isinstance(message, Missed)]
        assert numbers == sorted(numbers)
        assert len(numbers) < _MANY


async def who_was_cut_off_learns_each_gap_and_hears_again(channels: Channels, cut_off: CutOff) -> None:
    async with channels.subscribe("a") as messages:
        for number in range(3):
            await channels.publish("a", b"%d" % number)
            while await _next(messages) != b"%d" % number:
                pass
            async with cut_off():
                pass
            assert isinstance(await _first_after(channels, "a", messages), Missed), "messages were lost without a word"


async def everybody_who_was_cut_off_learns_it(channels: Channels, cut_off: CutOff) -> None:
    async with AsyncExitStack() as stack:
        names = [f"{number % 10}" for number in range(30)]
        listeners = [await stack.enter_async_context(channels.subscribe(name)) for name in names]
        async with cut_off():
            pass
        for name, messages in zip(names, listeners, strict=True):
            assert isinstance(await _first_after(channels, name, messages), Missed)


async def who_is_cut_off_may_not_begin_to_listen(channels: Channels, cut_off: CutOff) -> None:
    async with channels.subscribe("a") as before:
        async with cut_off():
            heard = False
            with suppress(UnavailableError):
                async with channels.subscribe("b"):
                    heard = True
            assert not heard, "somebody listens to a server that is not there"
        assert isinstance(await _first_after(channels, "a", before), Missed)
        async with channels.subscribe("b") as messages:
            await channels.publish("b", b"1")
            assert await _next(messages) == b"1"


CHANNELS_FAULTS: tuple[ChannelsFault, ...] = (
    who_was_cut_off_learns_each_gap_and_hears_again,
    everybody_who_was_cut_off_learns_it,
    who_is_cut_off_may_not_begin_to_listen,
)

CHANNELS_CONTRACT: tuple[ChannelsCheck, ...] = (
    whoever_listens_gets_every_message_in_order,
    nobody_listening_is_no_error,
    channels_do_not_mix,
    a_message_wakes_who_waits,
    one_that_leaves_stops_no_other,
    who_is_too_slow_learns_it_and_gets_the_newest,
)


async def _next(messages: AsyncIterator[bytes | Missed]) -> bytes | Missed:
    async with asyncio.timeout(10):
        return await anext(messages)


async def _first_after(channels: Channels, channel: str, messages: AsyncIterator[bytes | Missed]) -> bytes | Missed:
    """What comes first, while others go on publishing."""
    first = asyncio.ensure_future(_next(messages))
    while not first.done():
        with suppress(UnavailableError):  # others may just find out that they were cut off, too
            await channels.publish(channel, b"after")
        await asyncio.wait([first], timeout=0.05)
    return await first

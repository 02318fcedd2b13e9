"""What all `Channels` do. Each check gets channels of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from botstate.channels import Channels, Missed

ChannelsCheck = Callable[[Channels], Awaitable[None]]


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
        for number in range(200_000):
            await channels.publish("a", b"%d" % number)
            if number % 1_000 == 0:
                await asyncio.sleep(0)
        got: list[bytes | Missed] = [await _next(messages)]
        while got[-1] != b"199999":
            got.append(await _next(messages))
        assert any(isinstance(message, Missed) for message in got), "messages were lost without a word"
        numbers = [int(message) for message in got if not isinstance(message, Missed)]
        assert numbers == sorted(numbers)
        assert len(numbers) < 200_000


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

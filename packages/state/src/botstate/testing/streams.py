"""What all `Streams` do. Each check gets streams of its own, and a way to let time pass on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from botstate.streams import Entry, Streams
from botstate.testing.cache import PassTime

StreamsCheck = Callable[[Streams, PassTime], Awaitable[None]]


async def entries_are_read_in_order_each_once(streams: Streams, _pass_time: PassTime) -> None:
    ids = [await streams.append("a", data) for data in (b"one", b"\x00\xff", b"")]

    first = await streams.read("a", "group", count=2)
    second = await streams.read("a", "group", count=2)

    assert first == [Entry(ids[0], b"one", 1), Entry(ids[1], b"\x00\xff", 1)]
    assert second == [Entry(ids[2], b"", 1)]
    assert await streams.read("a", "group") == []


async def every_group_reads_all_from_the_beginning(streams: Streams, _pass_time: PassTime) -> None:
    await streams.append("a", b"1")
    assert _data(await streams.read("a", "early")) == [b"1"]
    await streams.append("a", b"2")
    assert _data(await streams.read("a", "early")) == [b"2"]
    assert _data(await streams.read("a", "late")) == [b"1", b"2"]


async def a_group_may_come_before_the_first_entry(streams: Streams, _pass_time: PassTime) -> None:
    assert await streams.read("a", "group") == []
    assert await streams.claim("a", "group", idle=0) == []
    assert await streams.acknowledge("a", "group", []) == 0
    await streams.append("a", b"1")
    assert _data(await streams.read("a", "group")) == [b"1"]


async def streams_do_not_mix(streams: Streams, _pass_time: PassTime) -> None:
    await streams.append("a", b"1")
    assert await streams.read("b", "group") == []


async def what_was_not_acknowledged_is_claimed(streams: Streams, pass_time: PassTime) -> None:
    for data in (b"1", b"2", b"3"):
        await streams.append("a", data)
    one, two, three = await streams.read("a", "group")
    assert await streams.acknowledge("a", "group", [two.id]) == 1
    assert await streams.claim("a", "group", idle=0.5) == []
    await pass_time(0.6)

    assert await streams.claim("a", "group", idle=0.5) == [
        one._replace(deliveries=2),
        three._replace(deliveries=2),
    ]
    assert await streams.claim("a", "group", idle=0.5) == []
    await pass_time(0.6)
    assert await streams.claim("a", "group", idle=0.5, count=1) == [one._replace(deliveries=3)]


async def an_acknowledgement_counts_once(streams: Streams, pass_time: PassTime) -> None:
    await streams.append("a", b"1")
    entry = (await streams.read("a", "group"))[0]

    assert await streams.acknowledge("a", "group", [entry.id, entry.id]) == 1
    assert await streams.acknowledge("a", "group", [entry.id]) == 0
    await pass_time(0.1)
    assert await streams.claim("a", "group", idle=0) == []


async def a_reader_waits_for_an_entry(streams: Streams, _pass_time: PassTime) -> None:
    waiting = [asyncio.create_task(streams.read("a", "group", count=1, wait=20)) for _ in range(2)]
    await asyncio.sleep(0.01)
    await streams.append("a", b"1")
    await asyncio.sleep(0.01)
    await streams.append("a", b"2")
    async with asyncio.timeout(10):
        assert sorted(_data(await waiting[0]) + _data(await waiting[1])) == [b"1", b"2"]


async def a_reader_does_not_wait_for_ever(streams: Streams, pass_time: PassTime) -> None:
    waiting = asyncio.create_task(streams.read("a", "group", wait=0.2))
    await asyncio.sleep(0.01)
    await pass_time(0.3)
    async with asyncio.timeout(10):
        assert await waiting == []


async def old_entries_go_when_there_are_too_many(streams: Streams, pass_time: PassTime) -> None:
    await streams.append("a", b"pending")
    await streams.read("a", "slow")
    for number in range(1_000):
        await streams.append("a", b"%d" % number, keep=100)
    await pass_time(0.1)

    kept = await streams.read("a", "group", count=2_000)
    assert 100 <= len(kept) < 900
    assert _data(kept)[-1] == b"999"
    assert await streams.claim("a", "slow", idle=0) == []


async def a_deleted_stream_begins_anew(streams: Streams, _pass_time: PassTime) -> None:
    await streams.append("a", b"1")
    await streams.read("a", "group")
    assert await streams.delete("a")
    assert not await streams.delete("a")
    await streams.append("a", b"2")
    assert _data(await streams.read("a", "group")) == [b"2"]


async def many_consumers_share_the_work(streams: Streams, _pass_time: PassTime) -> None:
    async def work() -> list[bytes]:
        done: list[bytes] = []
        while entries := await streams.read("a", "group", count=3):
            await asyncio.sleep(0)
            done += _data(entries)
            await streams.acknowledge("a", "group", [entry.id for entry in entries])
        return done

    for number in range(100):
        await streams.append("a", b"%d" % number)
    shares = await asyncio.gather(*(work() for _ in range(5)))

    assert sorted(int(data) for share in shares for data in share) == list(range(100))


STREAMS_CONTRACT: tuple[StreamsCheck, ...] = (
    entries_are_read_in_order_each_once,
    every_group_reads_all_from_the_beginning,
    a_group_may_come_before_the_first_entry,
    streams_do_not_mix,
    what_was_not_acknowledged_is_claimed,
    an_acknowledgement_counts_once,
    a_reader_waits_for_an_entry,
    a_reader_does_not_wait_for_ever,
    old_entries_go_when_there_are_too_many,
    a_deleted_stream_begins_anew,
    many_consumers_share_the_work,
)


def _data(entries: list[Entry]) -> list[bytes]:
    return [entry.data for entry in entries]

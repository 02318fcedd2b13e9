"""What all `Objects` do. Each check gets a store of its own that is empty."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from botlib import InvalidError, NotFoundError, SafeKey, parse_key
from botstate.objects import Objects

R = TypeVar("R")
ObjectsCheck = Callable[[Objects], Awaitable[None]]

A, B = parse_key("a"), parse_key("b")


async def what_is_put_can_be_got(objects: Objects) -> None:
    for content in (b"", b"\x00\xff\r\n", b"x" * 300_000):
        assert await objects.put(A, content)
        assert await objects.get(A) == content
        assert (await objects.head(A)).size == len(content)


async def a_stream_is_put_as_a_whole(objects: Objects) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            await asyncio.sleep(0)
            yield b"%d" % number * 3_000_000

    assert await objects.put(A, pieces(), content_type="text/plain")

    async with objects.open(A) as content:
        got = [piece async for piece in content]
        assert content.info == await objects.head(A)
    assert b"".join(got) == b"0" * 3_000_000 + b"1" * 3_000_000 + b"2" * 3_000_000
    assert len(got) > 1
    assert (await objects.head(A)).content_type == "text/plain"


async def a_stream_that_breaks_off_changes_nothing(objects: Objects) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"new" * 2_000_000
        raise ZeroDivisionError

    await objects.put(A, b"old")
    for key in (A, B):
        for if_absent in (False, True):
            broke_off = False
            try:
                await objects.put(key, broken(), if_absent=if_absent)
            except ZeroDivisionError:
                broke_off = True
            assert broke_off, "a stream that broke off was taken for whole"
    assert await objects.get(A) == b"old"
    assert await _found(objects.head(B)) is None


async def if_absent_keeps_what_is_there(objects: Objects) -> None:
    assert await objects.put(A, b"1", if_absent=True)
    assert not await objects.put(A, b"2", if_absent=True)
    assert await objects.get(A) == b"1"
    assert await objects.put(A, b"3")
    assert await objects.get(A) == b"3"


async def of_many_at_once_one_is_first(objects: Objects) -> None:
    won = await asyncio.gather(*(objects.put(A, b"%d" % number, if_absent=True) for number in range(10)))

    assert sum(won) == 1
    assert await objects.get(A) == b"%d" % won.index(True)


async def readers_see_one_whole_object_while_it_is_replaced(objects: Objects) -> None:
    versions = [b"%d" % number * 400_000 for number in range(4)]
    await objects.put(A, versions[0])

    async def write() -> None:
        for content in versions * 3:
            await objects.put(A, content)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await objects.get(A) in versions
        await asyncio.sleep(0)
    await writing


async def a_range_is_cut_out_as_far_as_there_is_something(objects: Objects) -> None:
    await objects.put(A, b"0123456789")
    ranges: list[tuple[int, int | None]] = [(0, 3), (3, None), (8, 20), (5, 5), (0, 0), (10, None), (12, 20)]
    wanted = [b"012", b"3456789", b"89", b"", b"", b"", b""]

    assert [await objects.get(A, start=start, end=end) for start, end in ranges] == wanted
    for (start, end), content in zip(ranges, wanted, strict=True):
        async with objects.open(A, start=start, end=end) as part:
            assert b"".join([piece async for piece in part]) == content
            assert part.info.size == 10
    for start, end in ((-1, None), (3, 2)):
        accepted = False
        with suppress(ValueError):
            await objects.get(A, start=start, end=end)
            accepted = True
        assert not accepted, "a range that is none was accepted"


async def what_is_not_there_is_not_found(objects: Objects) -> None:
    assert await _found(objects.get(A)) is None
    assert await _found(objects.get(A, start=3, end=3)) is None
    assert await _found(objects.head(A)) is None
    copied = found = False
    with suppress(NotFoundError):
        await objects.copy(A, B)
        copied = True
    assert not copied
    with suppress(NotFoundError):
        async with objects.open(A):
            found = True
    assert not found
    await objects.delete(A)
    assert await objects.list() == []


async def content_types_are_kept_and_checked(objects: Objects) -> None:
    await objects.put(A, b"1", content_type="text/html; charset=utf-8")
    assert (await objects.head(A)).content_type == "text/html; charset=utf-8"
    await objects.put(A, b"1")
    assert (await objects.head(A)).content_type == "application/octet-stream"
    for text in ("", "text/plain\r\nSet-Cookie: a=b", "text/\u00e4", "x" * 201):
        accepted = False
        with suppress(InvalidError):
            await objects.put(A, b"2", content_type=text)
            accepted = True
        assert not accepted, f"{text!a} was accepted"
    assert await objects.get(A) == b"1"


async def an_etag_changes_with_the_object(objects: Objects) -> None:
    etags = []
    for content in (b"1", b"2", b"33"):
        await objects.put(A, content)
        etags.append((await objects.head(A)).etag)
        assert [info.etag for info in await objects.list()] == etags[-1:]
    assert len(set(etags)) == 3


async def a_deleted_object_is_gone(objects: Objects) -> None:
    key = parse_key("a/b/c")
    await objects.put(key, b"1")
    await objects.delete(key)
    await objects.delete(key)
    assert await _found(objects.get(key)) is None
    assert await objects.list() == []
    assert await objects.put(key, b"2", if_absent=True)


async def a_copy_is_an_object_of_its_own(objects: Objects) -> None:
    source, target = parse_key("from/here"), parse_key("to/there")
    await objects.put(target, b"old")
    await objects.put(source, b"1", content_type="text/plain")
    await objects.copy(source, target)
    await objects.put(source, b"2")
    assert await objects.get(target) == b"1"
    assert (await objects.head(target)).content_type == "text/plain"


async def any_safe_key_is_one_object(objects: Objects) -> None:
    texts = [
        *("a", "a/b", "a/b/c", "a.b", "A", "100%", "a%20b", "a%2Fb", "a b", "#1", "[x]{y}^`~", "'&=+;,@!$()"),
        *("\u00e4\u4e2d\U0001f600", "x" * 255, "/".join(["y" * 100] * 9), ".hidden", "...a", "1/incoming", "incoming"),
    ]
    keys = [parse_key(text) for text in texts]
    for key in keys:
        await objects.put(key, key.encode())

    assert {key: await objects.get(key) for key in keys} == {key: key.encode() for key in keys}
    assert [info.key for info in await objects.list()] == _sorted(keys)


async def listings_come_in_pages(objects: Objects) -> None:
    keys = [parse_key(f"reports/{number % 7}/{number}") for number in range(25)]
    for key in (*keys, parse_key("reports"), parse_key("reports-old/1"), parse_key("other")):
        await objects.put(key, b"1" * len(key))

    pages: list[SafeKey] = []
    after: SafeKey | None = None
    while page := await objects.list(parse_key("reports"), after=after, limit=10):
        assert len(page) in {10, 5}
        assert all(info.size == len(info.key) for info in page)
        pages += [info.key for info in page]
        after = page[-1].key

    assert pages == _sorted(keys)
    assert [info.key for info in await objects.list(parse_key("reports/3"))] == _sorted(
        [key for key in keys if key.startswith("reports/3/")]
    )
    assert await objects.list(parse_key("nothing")) == []
    assert [info.key for info in await objects.list(after=parse_key("reports/0/0"), limit=1)] == ["reports/0/14"]


OBJECTS_CONTRACT: tuple[ObjectsCheck, ...] = (
    what_is_put_can_be_got,
    a_stream_is_put_as_a_whole,
    a_stream_that_breaks_off_changes_nothing,
    if_absent_keeps_what_is_there,
    of_many_at_once_one_is_first,
    readers_see_one_whole_object_while_it_is_replaced,
    a_range_is_cut_out_as_far_as_there_is_something,
    what_is_not_there_is_not_found,
    content_types_are_kept_and_checked,
    an_etag_changes_with_the_object,
    a_deleted_object_is_gone,
    a_copy_is_an_object_of_its_own,
    any_safe_key_is_one_object,
    listings_come_in_pages,
)


async def _found(call: Awaitable[R]) -> R | None:
    """What it gives, or None when that is not there. Nothing else here gives None."""
    try:
        return await call
    except NotFoundError:
        return None


def _sorted(keys: list[SafeKey]) -> list[SafeKey]:
    return sorted(keys, key=str.encode)

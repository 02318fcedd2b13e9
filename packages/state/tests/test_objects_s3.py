"""Objects in a real S3 server that checks signatures."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from botlib import LimitError, Secret, UnavailableError, parse_key
from botserver_stack import S3Access
from botserver_stack.blocking import BlockingStack
from botstate.objects import ObjectsSettings, protocol
from botstate.objects.s3 import S3Objects, open_s3_objects
from botstate.testing import OBJECTS_CONTRACT, ObjectsCheck

pytestmark = pytest.mark.anyio

A = parse_key("a")
_numbers = itertools.count()


def opened(s3: S3Access, *, prefix: str = "", secret_key: Secret | None = None) -> S3Objects:
    settings = ObjectsSettings(
        bucket=s3.bucket,
        endpoint=s3.endpoint,
        region=s3.region,
        access_key=s3.access_key,
        prefix=prefix,
        secret_key=secret_key or s3.secret_key,
        timeout=10,
    )
    return open_s3_objects(settings, settings.secret_key)


@pytest.fixture(scope="module")
def moto() -> Iterator[BlockingStack]:
    """An S3 server that believes every signature, and keeps what it has in memory."""
    with BlockingStack(services=("s3-moto",)) as stack:
        yield stack


@pytest.mark.parametrize("check", OBJECTS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: ObjectsCheck, s3: S3Access) -> None:
    if check.__name__ == "of_many_at_once_one_is_first":
        pytest.skip("Swift looks whether an object is there before it writes it, and holds no lock; moto runs this")
    await check(opened(s3))


@pytest.mark.parametrize("check", OBJECTS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract_on_a_second_kind_of_server(check: ObjectsCheck, moto: BlockingStack) -> None:
    await check(opened(moto.run(moto.stack.create_bucket(f"test-{next(_numbers)}"))))


async def test_servers_with_prefixes_of_their_own_share_one_bucket(s3: S3Access) -> None:
    one, other = opened(s3, prefix="one"), opened(s3, prefix="other")
    await one.put(A, b"1")
    assert await other.list() == []
    assert [info.key for info in await one.list()] == ["a"]
    assert [info.key for info in await opened(s3).list()] == ["one/a"]


async def test_a_signed_url_allows_one_thing_for_a_while(s3: S3Access) -> None:
    objects = opened(s3)
    await objects.put(A, b"1")
    reading, writing = await objects.presign(A), await objects.presign(A, method="PUT")
    assert reading is not None
    assert writing is not None

    async with httpx2.AsyncClient() as client:
        assert (await client.get(reading)).content == b"1"
        assert (await client.put(reading, content=b"2")).status_code == 403
        assert (await client.get(reading.replace("/a?", "/b?"))).status_code == 403
        assert (await client.put(writing, content=b"2")).is_success
        assert await objects.get(A) == b"2"
    for method, seconds in (("DELETE", 60), ("GET", 0)):
        with pytest.raises(ValueError, match="signed for GET or PUT"):
            await objects.presign(A, method=method, seconds=seconds)


async def test_a_wrong_key_is_told_without_repeating_it(s3: S3Access) -> None:
    with pytest.raises(UnavailableError, match=r"^The object store refuses our key\.") as caught:
        await opened(s3, secret_key=Secret("hunter2")).get(A)
    assert "hunter2" not in str(caught.value)


async def test_a_server_that_is_not_there_is_told_within_the_time_limit() -> None:
    settings = ObjectsSettings(
        bucket="b", endpoint="http://127.0.0.1:9", access_key="k", secret_key=Secret("hunter2"), timeout=0.5
    )
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"^The object store did not do what it was asked \(") as caught:
        async with asyncio.timeout(60):
            await open_s3_objects(settings, settings.secret_key).get(A)
    assert time.monotonic() - began < 60
    assert "hunter2" not in str(caught.value)


async def test_a_stream_that_is_held_in_memory_has_a_limit(s3: S3Access, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"123"
        yield b"456"

    monkeypatch.setattr(protocol, "IF_ABSENT_LIMIT", 5)
    with pytest.raises(LimitError, match="may have 5 bytes"):
        await opened(s3).put(A, pieces(), if_absent=True)
    assert await opened(s3).list() == []

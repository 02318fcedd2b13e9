"""The folder of objects: what others put there is not followed, and a writer that is killed leaves nothing behind."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from obstore.store import LocalStore

from botlib import ForbiddenError, NotFoundError, SafeKey, SystemRandomness, UnavailableError, parse_key
from botstate.objects import LocalObjects, folder
from botstate.objects.local import open_local_objects

pytestmark = pytest.mark.anyio

ROUNDS = 5
A = parse_key("a")

PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from botlib import SystemRandomness, parse_key
from botstate.objects import folder
from botstate.objects.local import open_local_objects

if "in-place" in sys.argv:
    # The twin: it writes where readers look.
    def create(self, name, content_type):
        with self._folder_of(parse_key("a"), create=True) as (place, last):
            descriptor = os.open(last, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=place)
        file = open(descriptor, "w+b")
        file.write((folder._MAGIC + content_type.encode()).ljust(folder.HEADER - 1) + b"\\n")
        return file

    folder.Folder.create = create

async def pieces(number):
    for part in range(8):
        yield b"%d" % (number % 10) * 100_000
        if part == 6:
            print(number, flush=True)  # a moment at which it may be killed
            await (asyncio.Event().wait() if "in-place" in sys.argv else asyncio.sleep(0.001))

async def main():
    async with open_local_objects(sys.argv[1], SystemRandomness()) as objects:
        for number in range(10_000):
            await objects.put(parse_key("a"), pieces(number))

asyncio.run(main())
"""


def write_until_killed(path: Path, lines: int, *switches: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(path), *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline(), "the program ended by itself"
        process.kill()


async def is_whole(path: Path) -> bool:
    async with open_local_objects(str(path), SystemRandomness()) as objects:
        content = await objects.get(A)
        assert [info.key for info in await objects.list()] == ["a"]
    return len(content) == 800_000 and len(set(content)) == 1


async def test_a_writer_that_is_killed_leaves_whole_objects(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        write_until_killed(tmp_path, 2 + 3 * number)
        assert await is_whole(tmp_path)


async def test_one_that_writes_in_place_is_caught(tmp_path: Path) -> None:
    write_until_killed(tmp_path, 1, "in-place")
    assert not await is_whole(tmp_path)


@pytest.fixture
async def objects(tmp_path: Path) -> AsyncIterator[LocalObjects]:
    async with open_local_objects(str(tmp_path / "objects"), SystemRandomness()) as opened:
        yield opened


async def test_what_a_killed_writer_left_goes_when_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    old.parent.mkdir()
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 24 * 3_600,) * 2)

    async with open_local_objects(str(tmp_path), SystemRandomness()) as opened:
        await opened.put(A, b"1")

    assert list(old.parent.iterdir()) == [new]


async def read_through_links(objects: LocalObjects, tmp_path: Path) -> list[bytes]:
    """What can be read of a file outside by links that lie within the folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    header = (folder._MAGIC + b"text/plain").ljust(folder.HEADER - 1) + b"\n"
    (outside / "secret").write_bytes(header + b"hunter2")
    await objects.put(parse_key("folder/first"), b"1")
    root = tmp_path / "objects"
    (root / "1").mkdir()
    (root / "1" / "file").symlink_to(outside / "secret")
    (root / "2" / "link").symlink_to(outside, target_is_directory=True)
    (root / "3").symlink_to(tmp_path, target_is_directory=True)
    got = []
    for key in ("file", "link/secret", "a/outside/secret"):
        with suppress(ForbiddenError, NotFoundError):
            got.append(await objects.get(parse_key(key)))
    return got


async def test_links_are_not_followed(objects: LocalObjects, tmp_path: Path) -> None:
    assert await read_through_links(objects, tmp_path) == []

    assert [info.key for info in await objects.list()] == ["folder/first"]
    with pytest.raises(ForbiddenError, match=r"was not put there by this server: a link, or no file\."):
        await objects.put(parse_key("link/new"), b"1")
    assert [it.name for it in (tmp_path / "outside").iterdir()] == ["secret"]
    await objects.put(parse_key("file"), b"mine")
    assert await objects.get(parse_key("file")) == b"mine"
    assert (tmp_path / "outside" / "secret").read_bytes().endswith(b"hunter2")


async def test_following_links_is_caught(
    objects: LocalObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_DIRECTORY", os.O_RDONLY | os.O_DIRECTORY)
    monkeypatch.setattr(os, "O_NOFOLLOW", 0)

    assert await read_through_links(objects, tmp_path) == [b"hunter2", b"hunter2"]


def test_obstore_follows_links_out_of_its_root(tmp_path: Path) -> None:
    """Why its local store is not used. When this fails, it may be."""
    (tmp_path / "secret").write_bytes(b"hunter2")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").symlink_to(tmp_path / "secret")

    assert bytes(LocalStore(tmp_path / "root").get("file").bytes()) == b"hunter2"


async def test_what_is_no_file_or_no_object_is_refused(objects: LocalObjects, tmp_path: Path) -> None:
    await objects.put(A, b"1")
    os.mkfifo(tmp_path / "objects" / "1" / "pipe")
    (tmp_path / "objects" / "1" / "foreign").write_bytes(b"x" * 1_000)

    with pytest.raises(ForbiddenError):
        await objects.get(parse_key("pipe"))
    with pytest.raises(UnavailableError, match=r"^The file of the object foreign is damaged\."):
        await objects.get(parse_key("foreign"))


async def test_only_the_owner_may_enter(objects: LocalObjects, tmp_path: Path) -> None:
    await objects.put(parse_key("a/b"), b"1")

    assert {oct(path.stat().st_mode & 0o077) for path in (tmp_path / "objects").rglob("*")} == {"0o0"}


async def test_looking_makes_no_folder(objects: LocalObjects, tmp_path: Path) -> None:
    assert await objects.list() == []
    await objects.delete(A)
    with pytest.raises(NotFoundError, match=r"^There is no object a\."):
        await objects.head(A)
    assert not (tmp_path / "objects").exists()


async def test_empty_folders_go_with_their_last_object(objects: LocalObjects, tmp_path: Path) -> None:
    for key in ("a/b/c", "a/d/e"):
        await objects.put(parse_key(key), b"1")
    await objects.delete(parse_key("a/b/c"))
    assert sorted(it.name for it in (tmp_path / "objects" / "3" / "a").iterdir()) == ["d"]
    await objects.delete(parse_key("a/d/e"))
    assert list((tmp_path / "objects" / "3").iterdir()) == []


async def test_a_call_that_is_cancelled_leaves_no_file_open(
    objects: LocalObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    await objects.put(A, b"1")
    files: list[IO[bytes]] = []
    may_go_on = threading.Event()
    real = folder.Folder.open

    def slow(place: folder.Folder, key: SafeKey) -> IO[bytes]:
        may_go_on.wait()
        files.append(real(place, key))
        return files[-1]

    monkeypatch.setattr(folder.Folder, "open", slow)
    opening = asyncio.ensure_future(objects.open(A).__aenter__())
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    may_go_on.set()
    async with asyncio.timeout(20):
        while not (files and files[0].closed):  # noqa: ASYNC110 - a thread has to end first
            await asyncio.sleep(0.001)

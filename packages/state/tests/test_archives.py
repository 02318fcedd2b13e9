import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from botlib import BotError, Budget, BudgetError, FakeClock, InvalidError, LimitError
from botstate import archives
from botstate.archives import ArchiveLimits, extract_archive

pytestmark = pytest.mark.anyio

Files = dict[str, bytes]
SMALL = {"a.txt": b"hello", "folder/b.txt": b"", "folder/deeper/c": b"x" * 100_000}


def zipped(files: Files, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


def tarred(files: Files, mode: str = "w:gz", *, form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name.removesuffix("/"))
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def special(kind: bytes, link: str = "") -> bytes:
    """A tar with one entry of this kind, and a file beside it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo("entry")
        info.type, info.linkname = kind, link
        archive.addfile(info)
        archive.addfile(tarfile.TarInfo("after"), io.BytesIO())
    return target.getvalue()


def zip_entry(name: str, mode: int) -> bytes:
    target = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info, b"/etc/passwd")
    return target.getvalue()


def found_below(folder: Path) -> Files:
    return {str(it.relative_to(folder)): it.read_bytes() for it in folder.rglob("*") if it.is_file()}


def names_in(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


async def extract(folder: Path, archive: bytes, **options: object) -> Files:
    """What is in the folder afterwards."""
    (folder / "archive").write_bytes(archive)
    names = await extract_archive(folder / "archive", folder / "target", **options)  # type: ignore[arg-type]
    found = found_below(folder / "target")
    assert sorted(names) == sorted(found)
    return found


async def refused(folder: Path, archive: bytes, kind: type[BotError], **options: object) -> str:
    """Why it is; nothing is left of it."""
    with pytest.raises(kind) as raised:
        await extract(folder, archive, **options)
    assert names_in(folder) == ["archive"]
    return raised.value.message


@pytest.mark.parametrize(
    "archive",
    [
        *(zipped(SMALL), zipped(SMALL, method=zipfile.ZIP_STORED), tarred(SMALL), tarred(SMALL, "w")),
        *(tarred(SMALL, form=tarfile.GNU_FORMAT), tarred(SMALL, form=tarfile.USTAR_FORMAT)),
    ],
    ids=["zip", "stored zip", "tar.gz", "tar", "GNU", "USTAR"],
)
async def test_what_is_packed_comes_out(tmp_path: Path, archive: bytes) -> None:
    assert await extract(tmp_path, archive) == SMALL
    assert names_in(tmp_path) == ["archive", "target"]


async def test_folders_and_long_names_are_fine(tmp_path: Path) -> None:
    files = {"./": b"", "empty/": b"", "./full/": b"", "full/a": b"", f"{'long' * 40}/name": b"1", "ä": b"2"}
    for name, archive in (("zip", zipped(files)), ("tar", tarred(files))):
        folder = tmp_path / name
        folder.mkdir()
        assert await extract(folder, archive) == {"full/a": b"", f"{'long' * 40}/name": b"1", "ä": b"2"}
        assert (folder / "target" / "empty").is_dir()


@pytest.mark.parametrize("archive", [zipped({}), tarred({}), tarred({}, "w")], ids=["zip", "tar.gz", "tar"])
async def test_an_empty_archive_is_an_empty_folder(tmp_path: Path, archive: bytes) -> None:
    assert await extract(tmp_path, archive) == {}


OUTSIDE = [
    *("../evil", "a/../../evil", "/etc/evil", "//evil", "a//b", "..", "a/..", "C:evil", "C:\\evil", "..\\evil", "a\\b"),
    *("con", "nul.txt", "a/aux", "a\nb", "a\u202eb", "a ", "a.", ".. /evil", "a:stream", "x" * 300),
]


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", OUTSIDE)
async def test_no_name_leads_outside_or_elsewhere(tmp_path: Path, pack: Callable[[Files], bytes], name: str) -> None:
    await refused(tmp_path, pack({"good": b"", name: b"evil"}), InvalidError)


async def test_without_the_check_of_names_one_gets_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    monkeypatch.setattr(archives, "parse_key", lambda name: name)
    with pytest.raises(AssertionError):
        await extract(tmp_path, tarred({"../evil": b"evil"}))
    assert (tmp_path / "evil").exists()


LINKS = {
    "a symbolic link": special(tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": special(tarfile.LNKTYPE, "/etc/passwd"),
    "a device": special(tarfile.CHRTYPE),
    "a disk": special(tarfile.BLKTYPE),
    "a pipe": special(tarfile.FIFOTYPE),
    "a symbolic link in a zip": zip_entry("entry", stat.S_IFLNK | 0o777),
    "a pipe in a zip": zip_entry("entry", stat.S_IFIFO | 0o600),
}


@pytest.mark.parametrize("name", LINKS)
async def test_there_are_files_and_folders_only(tmp_path: Path, name: str) -> None:
    assert "The archive holds a link" in await refused(tmp_path, LINKS[name], InvalidError)


async def test_modes_of_an_archive_do_not_count(tmp_path: Path) -> None:
    await extract(tmp_path, zip_entry("entry", stat.S_IFREG | 0o4777))

    assert (tmp_path / "target" / "entry").stat().st_mode & 0o7111 == 0


DOUBLES = [["a", "a"], ["a", "A"], ["ä", "a\u0308"], ["a", "a/b"], ["a/b", "a"], ["a/", "a"], ["ﬁ", "fi"]]


@pytest.mark.parametrize("names", DOUBLES, ids="+".join)
@pytest.mark.filterwarnings("ignore:Duplicate name")
async def test_a_place_is_taken_once(tmp_path: Path, names: list[str]) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"")

    await refused(tmp_path, target.getvalue(), InvalidError)


async def test_the_number_of_entries_is_limited(tmp_path: Path) -> None:
    limits = ArchiveLimits(entries=3)
    for archive in (zipped({f"{it}/": b"" for it in range(4)}), tarred({f"{it}/": b"" for it in range(4)})):
        reason = await refused(tmp_path, archive, LimitError, limits=limits)
        assert reason == "The archive holds more than 3 files and folders."
    assert len(await extract(tmp_path, zipped({str(it): b"" for it in range(3)}), limits=limits)) == 3


async def test_the_size_is_limited(tmp_path: Path) -> None:
    files = {"a": bytes(60_000), "b": bytes(60_000)}
    for archive in (zipped(files), tarred(files)):
        reason = await refused(tmp_path, archive, LimitError, limits=ArchiveLimits(size=119_999))
        assert reason == "The archive holds more than 119999 bytes."
    assert len(await extract(tmp_path, zipped(files), limits=ArchiveLimits(size=120_000))) == 2


async def test_a_bomb_is_told_by_its_ratio(tmp_path: Path) -> None:
    bomb = {"bomb": bytes(20_000_000)}
    for archive in (zipped(bomb), tarred(bomb)):
        assert await refused(tmp_path, archive, LimitError) == "The archive is packed more than 200 times."


async def test_without_counting_a_bomb_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    monkeypatch.setattr(archives._Writer, "count", lambda *_, **__: None)
    assert len((await extract(tmp_path, zipped({"bomb": bytes(20_000_000)})))["bomb"]) == 20_000_000


async def test_depth_is_limited(tmp_path: Path) -> None:
    for pack in (zipped, tarred):
        reason = await refused(tmp_path, pack({"a/" * 17 + "b": b""}), LimitError)
        assert reason == "The archive holds more than 16 folders within each other."
    assert len(await extract(tmp_path, zipped({"a/" * 16 + "b": b""}))) == 1


async def test_names_are_no_way_around_the_size(tmp_path: Path) -> None:
    """A name of ten million bytes, which tarfile would read into memory."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x" * 10_000_000))

    reason = await refused(tmp_path, target.getvalue(), LimitError)
    assert reason == "The archive holds more than 1000000 bytes besides its files."


async def test_what_the_archive_says_of_sizes_is_not_believed(tmp_path: Path) -> None:
    archive = bytearray(zipped({"a": bytes(100_000)}))
    directory = archive.index(b"PK\x01\x02")
    for place in (22, directory + 24):
        archive[place : place + 4] = struct.pack("<I", 10)

    await refused(tmp_path, bytes(archive), InvalidError)


BROKEN = {
    "nothing": b"",
    "text": b"hello",
    "zeros and text": bytes(512) + b"hello",
    "half a zip": zipped(SMALL)[:200],
    "half a tar.gz": tarred(SMALL)[:-20],
    "half a tar": tarred(SMALL, "w")[:2_000],
    "a tar with a broken header": tarred({"a": b"1"}, "w")[:1024] + b"x" * 512 + tarred({"b": b""}, "w"),
    "a zip with a broken file": zipped({"a": b"hello"}, method=zipfile.ZIP_STORED).replace(b"hello", b"hallo"),
    "a packing that nobody asked for": zipped({"a": b"hello"}, method=zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_broken_leaves_nothing(tmp_path: Path, name: str) -> None:
    await refused(tmp_path, BROKEN[name], InvalidError)


async def test_something_encrypted_is_refused(tmp_path: Path) -> None:
    archive = bytearray(zipped({"a": b"hello"}))
    archive[6] |= 1
    archive[archive.index(b"PK\x01\x02") + 8] |= 1

    await refused(tmp_path, bytes(archive), InvalidError)


async def test_a_budget_counts_bytes_and_entries(tmp_path: Path) -> None:
    await refused(tmp_path, zipped(SMALL), BudgetError, budget=Budget(FakeClock(), size=100_004))
    await refused(tmp_path, zipped(SMALL), BudgetError, budget=Budget(FakeClock(), steps=2))
    assert len(await extract(tmp_path, zipped(SMALL), budget=Budget(FakeClock(), size=100_005, steps=3))) == 3


async def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(InvalidError, match=r"^The folder target is already there\."):
        await extract(tmp_path, zipped(SMALL))
    assert names_in(tmp_path / "target") == []

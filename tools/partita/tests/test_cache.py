from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from partita import cache

VALUE = [("a", (1, 2, 3, 4), None), {"b": b"\x00"}]


@pytest.fixture(autouse=True)
def _tell_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_reported", set())


def stored(root: Path) -> Path:
    cache.store(str(root), "members", VALUE)
    return Path(cache.cache_folder(str(root))) / "members"


def test_what_was_stored_is_loaded(tmp_path: Path) -> None:
    stored(tmp_path)
    assert cache.load(str(tmp_path), "members") == VALUE


def test_nothing_was_stored(tmp_path: Path) -> None:
    assert cache.load(str(tmp_path), "members") is None


@pytest.mark.parametrize("position", [-1, -9, 0, 9])
def test_a_damaged_cache_is_ignored_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], position: int
) -> None:
    file = stored(tmp_path)
    content = bytearray(file.read_bytes())
    content[position] ^= 0x55
    file.write_bytes(content)
    assert (cache.load(str(tmp_path), "members"), cache.load(str(tmp_path), "members")) == (None, None)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("kept", [0, 1, 20, -1])
def test_a_truncated_cache_is_ignored(tmp_path: Path, kept: int) -> None:
    file = stored(tmp_path)
    file.write_bytes(file.read_bytes()[:kept])
    assert cache.load(str(tmp_path), "members") is None


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("partita._other", "version"),
        ("nodename", "machine"),
    ],
)
def test_a_cache_of_another_version_or_machine_is_ignored_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, line: str
) -> None:
    file = stored(tmp_path)
    content = file.read_bytes()
    words = content.split(b"\n", 1)[0].split(b" ")
    changed = words[1] if what == "partita._other" else os.uname().nodename.encode()
    file.write_bytes(content.replace(changed, b"other", 1))
    assert cache.load(str(tmp_path), "members") is None
    assert line in capsys.readouterr().err


def test_a_cache_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PARTITA_CACHE_DIR", str(tmp_path / "file" / "below"))
    cache.store(str(tmp_path), "members", VALUE)
    assert cache.load(str(tmp_path), "members") is None


def test_only_the_youngest_are_kept(tmp_path: Path) -> None:
    folder = Path(cache.cache_folder(str(tmp_path))) / "answers"
    for number in range(5):
        cache.store(str(tmp_path), f"answers/{number}", number)
        os.utime(folder / str(number), ns=(number, number))
    cache.prune(str(tmp_path), "answers", 2)
    assert sorted(os.listdir(folder)) == ["3", "4"]


WRITER = """
import sys
from partita import cache
for _ in range(200):
    cache.store(sys.argv[1], "shared", [sys.argv[2]] * 5000)
"""


def test_two_writers_at_once_never_leave_a_mixture(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("one", "two")]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        value = cache.load(str(tmp_path), "shared")
        seen.add(None if value is None else tuple(value))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {None, ("one",) * 5000, ("two",) * 5000}

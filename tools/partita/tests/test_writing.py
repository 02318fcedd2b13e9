"""Writes to several files: planned, shown, and applied all or nothing, whatever happens on the way."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from partita.errors import PartitaError
from partita.testing import (
    KILLED,
    READ_ONLY,
    TORN,
    Fault,
    break_every_call,
    run_broken,
    take_snapshot,
    undo_interrupted,
)
from partita.writing import open_writer, plan_changes, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

OLD = {"a.txt": b"old a\n", "docs/b.txt": b"old b\n", "docs/gone.txt": b"gone\n", "other.txt": b"other\n"}
NEW: dict[str, bytes | None] = {
    "a.txt": b"new a\n" * 9,
    "docs/b.txt": b"new b\n",
    "docs/gone.txt": None,
    "made/d.txt": b"d\n",
    "made/deep/c.txt": b"c\n",
}


def fill(root: str, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        place = os.path.join(root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(content)


def prepare(root: str) -> None:
    fill(root, OLD)
    os.chmod(os.path.join(root, "a.txt"), 0o640)


def change(root: str) -> int:
    write(root, lambda: plan_changes(root, NEW))
    return 0


@pytest.fixture
def root(tmp_path: Path) -> str:
    place = tmp_path / "tree"
    place.mkdir()
    prepare(str(place))
    return str(place)


def contents(root: str) -> dict[str, bytes]:
    return {path: content for path, (kind, _, content) in take_snapshot(root).items() if kind != "folder"}


def test_a_plan_is_applied_as_a_whole(root: str) -> None:
    change(root)
    changed = {**OLD, **NEW}
    assert contents(root) == {path: content for path, content in changed.items() if content is not None}


# All or nothing.


def test_a_run_that_is_broken_at_any_call_leaves_the_tree_as_before_or_as_after(tmp_path: Path) -> None:
    report = break_every_call(prepare, change, undo_interrupted, tmp_path)
    assert report.failures == ()
    assert report.runs > 150


def test_the_next_write_of_any_kind_undoes_what_was_cut_off_first(tmp_path: Path) -> None:
    def write_something_else(root: str) -> None:
        write(root, lambda: plan_changes(root, {"other.txt": b"else\n"}))
        write(root, lambda: plan_changes(root, {"other.txt": b"other\n"}))

    report = break_every_call(prepare, change, write_something_else, tmp_path, [KILLED])
    assert report.failures == ()


def test_undoing_can_be_cut_off_at_any_call_too(tmp_path: Path) -> None:
    def interrupt(root: str) -> None:
        prepare(root)
        run_broken(change, root, KILLED, last_call)

    def undo(root: str) -> int:
        undo_interrupted(root)
        return 0

    whole = tmp_path / "whole"
    whole.mkdir()
    prepare(str(whole))
    calls = run_broken(change, str(whole), KILLED, 0).calls
    for last_call in (12, calls.index("unlink"), len(calls) - 14, len(calls) - 4):
        folder = tmp_path / f"call{last_call}"
        folder.mkdir()
        report = break_every_call(interrupt, undo, undo_interrupted, folder, [KILLED, TORN])
        assert report.failures == ()
        assert report.runs > 4


def test_every_step_is_on_the_disk_before_the_next_begins(root: str) -> None:
    wanted = {"a.txt": b"new\n", "made/c.txt": b"c\n"}
    ran = run_broken(lambda root: len(write(root, lambda: plan_changes(root, wanted)).changes) - 2, root, KILLED, 0)
    assert ran.calls == (
        *("mkdir", "open", "write", "fsync", "replace", "fsync", "fsync"),  # the journal, under its name
        "mkdir",
        *("open", "write", "fchmod", "fsync", "link"),  # the new content of a.txt beside it, the old one kept
        *("open", "write", "fsync"),  # the content of c.txt
        *("fsync", "fsync"),  # the names in both folders
        *("replace", "replace"),
        *("fsync", "fsync"),
        *("replace", "fsync"),  # the journal is committed
        *("unlink", "fsync", "fsync"),  # the old content goes
        *("unlink", "rmdir"),  # the journal goes
    )


def naive(root: str) -> int:
    """What this test must catch: each file is written where it stands."""
    for path, content in NEW.items():
        place = os.path.join(root, path)
        if content is None:
            os.unlink(place)
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(content)
    return 0


def careful_with_each_file(root: str) -> int:
    """What this test must catch, too: each file is old or new, but nothing keeps them together."""
    for path, content in NEW.items():
        place = os.path.join(root, path)
        if content is None:
            os.unlink(place)
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(f"{place}.new", "wb") as file:
            file.write(content)
            os.fsync(file.fileno())
        os.replace(f"{place}.new", place)
    return 0


def past_the_counting(root: str) -> int:
    import posix

    posix.unlink(os.path.join(root, "docs/gone.txt"))
    return 0


def test_the_proof_catches_a_naive_writer(tmp_path: Path) -> None:
    report = break_every_call(prepare, naive, lambda _root: None, tmp_path, [KILLED, TORN])
    assert any(failure.startswith("killed in the middle of call 3 (write)") for failure in report.failures)
    assert len(report.failures) > report.runs / 2


def test_the_proof_catches_a_writer_that_is_careful_with_each_file_only(tmp_path: Path) -> None:
    report = break_every_call(prepare, careful_with_each_file, lambda _root: None, tmp_path, [KILLED])
    assert len(report.failures) > report.runs / 2


def test_the_proof_catches_a_writer_that_shows_a_traceback(tmp_path: Path) -> None:
    report = break_every_call(prepare, naive, lambda _root: None, tmp_path, [READ_ONLY])
    assert all("a traceback instead of a sentence" in failure for failure in report.failures)
    assert len(report.failures) == report.runs


def test_the_proof_catches_a_change_that_it_cannot_count(tmp_path: Path) -> None:
    report = break_every_call(prepare, past_the_counting, lambda _root: None, tmp_path, [KILLED])
    assert [failure.partition(":")[0] for failure in report.failures] == ["unbroken"]
    assert "os.remove" in report.failures[0]


# What is left to somebody else.


def test_a_file_that_was_changed_after_the_cut_stays_and_its_old_content_is_kept(root: str) -> None:
    calls = run_broken(change, root, KILLED, 0).calls
    prepare_again(root)
    ran = run_broken(change, root, KILLED, [n for n, call in enumerate(calls, 1) if call == "replace"][2])
    assert ran.code == -signal.SIGKILL
    assert contents(root)["a.txt"] == NEW["a.txt"]
    fill(root, {"a.txt": b"mine\n"})
    with open_writer(root) as writer:
        told = writer.recovered
    left = contents(root)
    kept = next(path for path in left if path.endswith(".old"))
    assert told[1:] == (f"a.txt was changed since and stays as it is; its content before is {kept}",)
    assert left == {**OLD, "a.txt": b"mine\n", kept: OLD["a.txt"]}


def prepare_again(root: str) -> None:
    subprocess.run(["rm", "-r", root], check=True)
    os.mkdir(root)
    prepare(root)


def test_what_was_undone_is_told(root: str) -> None:
    run_broken(change, root, KILLED, 20)
    with open_writer(root) as writer:
        told = "an earlier run was cut off, and what it had begun was undone: "
        assert writer.recovered == (f"{told}{', '.join(NEW)}",)
    with open_writer(root) as writer:
        assert writer.recovered == ()


def test_nothing_is_planned_on_a_tree_that_waits_to_be_undone(root: str) -> None:
    run_broken(change, root, KILLED, 20)
    before = take_snapshot(root)
    with pytest.raises(PartitaError, match="an earlier run was cut off here and is not undone yet"):
        write(root, lambda: plan_changes(root, {}), dry_run=True)
    assert take_snapshot(root) == before


@pytest.mark.parametrize(
    "journal",
    [
        b"{",
        b"[]",
        b'{"schema": 2, "token": "0123456789abcdef", "folders": [], "entries": []}',
        b'{"schema": 1, "token": "../../../../a", "folders": [], "entries": []}',
        b'{"schema": 1, "token": "0123456789abcdef", "folders": [".."], "entries": []}',
        b'{"schema": 1, "token": "0123456789abcdef", "folders": [], "entries": [["../x", null, "1"]]}',
        b'{"schema": 1, "token": "0123456789abcdef", "folders": [], "entries": [["link/x", null, "1"]]}',
    ],
)
def test_a_journal_that_leads_elsewhere_is_not_followed(root: str, tmp_path: Path, journal: bytes) -> None:
    (tmp_path / "x").write_bytes(b"")
    os.symlink(tmp_path, os.path.join(root, "link"))
    fill(root, {".partita/journal": journal})
    before = take_snapshot(str(tmp_path))
    with pytest.raises(PartitaError, match=r"^\.partita/journal cannot be followed"):
        change(root)
    assert take_snapshot(str(tmp_path)) == before


# Who else writes.


def test_two_writers_at_once_are_refused_with_a_sentence(root: str) -> None:
    with open_writer(root), pytest.raises(PartitaError) as caught:
        change(root)
    assert str(caught.value) == f"{root}: another run of Partita is writing here; let it end, then try again"
    change(root)


def test_many_processes_lose_no_change_of_each_other(root: str) -> None:
    def add_line(line: bytes) -> None:
        while True:
            try:
                write(root, lambda: plan_changes(root, {"other.txt": read(f"{root}/other.txt") + line}))
            except PartitaError as error:
                if "another run of Partita" not in str(error):
                    raise
                wait_for_lock(root)
            else:
                return

    lines = [b"%d\n" % number for number in range(6)]
    processes = [start(lambda line=line: add_line(line)) for line in lines]
    assert [os.waitpid(process, 0)[1] for process in processes] == [0] * len(lines)
    assert sorted(read(f"{root}/other.txt").splitlines(keepends=True)) == sorted([b"other\n", *lines])


def read(place: str) -> bytes:
    with open(place, "rb") as file:
        return file.read()


def start(work: object) -> int:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            assert callable(work)
            work()
            code = 0
        finally:
            os._exit(code)
    return process


def wait_for_lock(root: str) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.close(descriptor)


def test_a_file_that_changed_since_the_plan_was_made_is_refused(root: str) -> None:
    plan = plan_changes(root, NEW)
    fill(root, {"a.txt": b"somebody else\n", "made/d.txt": b"d\n"})
    before = take_snapshot(root)
    with open_writer(root) as writer, pytest.raises(PartitaError) as caught:
        writer.apply(plan)
    assert caught.value.problems == (
        "a.txt has changed since it was read; run the command again",
        "made/d.txt has changed since it was read; run the command again",
    )
    assert take_snapshot(root) == before


def test_a_file_that_changed_while_the_plan_was_made_is_refused(root: str) -> None:
    with pytest.raises(PartitaError, match=r"^a.txt has changed since it was read"):
        plan_changes(root, NEW, based_on={"a.txt": b"what it was\n", "docs/b.txt": b"old b\n"})


def git(root: str, *words: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


def test_what_no_commit_has_is_only_overwritten_by_force(root: str) -> None:
    git(root, "init", "-q")
    git(root, "add", "a.txt", "docs/b.txt")
    git(root, "commit", "-qm", "first")
    fill(root, {"docs/b.txt": b"work of a day\n"})
    with pytest.raises(PartitaError) as caught:
        change(root)
    assert caught.value.problems == (
        "docs/b.txt holds what no commit has; commit it, or write with --force",
        "docs/gone.txt holds what no commit has; commit it, or write with --force",
    )
    write(root, lambda: plan_changes(root, {"a.txt": b"new\n"}))
    write(root, lambda: plan_changes(root, NEW), force=True)
    assert contents(root)["docs/b.txt"] == b"new b\n"


def test_a_repository_that_git_cannot_read_is_only_written_by_force(root: str) -> None:
    git(root, "init", "-q")
    fill(root, {".git/config": b"[broken"})
    before = take_snapshot(root)
    with pytest.raises(PartitaError, match="; --force writes without asking git what no commit has"):
        change(root)
    assert take_snapshot(root) == before
    write(root, lambda: plan_changes(root, NEW), force=True)


# What stands in the tree.


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("link", "link is a symbolic link; only plain files of this tree are written"),
        ("linked/x", "linked/x stands behind linked, a symbolic link; only plain files of this tree are written"),
        ("../x", "'../x' is no path inside "),
        ("/etc/x", "'/etc/x' is no path inside "),
        ("docs//x", "'docs//x' is no path inside "),
        ("a.txt/x", "a.txt/x: Not a directory"),
        ("docs", "docs: Is a directory"),
    ],
)
def test_only_plain_files_of_the_tree_are_written(root: str, path: str, complaint: str) -> None:
    os.symlink("a.txt", os.path.join(root, "link"))
    os.symlink("docs", os.path.join(root, "linked"))
    with pytest.raises(PartitaError) as caught:
        plan_changes(root, {path: b"", "a.txt": b""})
    assert str(caught.value).startswith(complaint)


def test_a_journal_is_not_kept_behind_a_link(root: str) -> None:
    os.symlink("docs", os.path.join(root, ".partita"))
    with pytest.raises(PartitaError, match=r"^\.partita is a symbolic link"):
        change(root)
    assert contents(root)["a.txt"] == OLD["a.txt"]


def test_permissions_stay_and_new_files_get_those_of_new_files(root: str) -> None:
    os.chmod(f"{root}/docs/b.txt", 0o755)
    mask = os.umask(0o027)
    try:
        write(root, lambda: plan_changes(root, {**NEW, "made/run": b"#!\n"}, executable={"made/run"}))
    finally:
        os.umask(mask)
    modes = {path: mode for path, (kind, mode, _) in take_snapshot(root).items() if kind == "file"}
    assert modes == {
        "a.txt": 0o640,
        "docs/b.txt": 0o755,
        "made/d.txt": 0o640,
        "made/deep/c.txt": 0o640,
        "made/run": 0o750,
        "other.txt": modes["other.txt"],
    }


def test_a_name_of_the_greatest_length_can_be_written(root: str) -> None:
    write(root, lambda: plan_changes(root, {"n" * 255: b"x"}))
    assert contents(root)["n" * 255] == b"x"


def test_a_file_system_without_links_gets_copies(tmp_path: Path) -> None:
    report = break_every_call(prepare, change, undo_interrupted, tmp_path, [])
    link = report.calls.index("link") + 1
    place = str(tmp_path / "tree")
    os.mkdir(place)
    prepare(place)
    ran = run_broken(change, place, Fault("no links", errno.EPERM), link)
    assert ran.code == 0
    assert ran.calls[link - 1 : link + 5] == ("link", "open", "write", "fchmod", "fsync", "open")
    change_whole = {**OLD, **NEW}
    assert contents(place) == {path: content for path, content in change_whole.items() if content is not None}


# What people are told.


def test_a_disk_that_refuses_is_told_in_a_sentence(root: str) -> None:
    ran = run_broken(change, root, READ_ONLY, 1)
    assert (ran.code, ran.output) == (2, ".partita: Read-only file system; nothing was changed")
    ran = run_broken(change, root, Fault("full", errno.ENOSPC), 11)
    assert (ran.code, ran.output.partition(": ")[2]) == (2, "No space left on device; nothing was changed")
    ran = run_broken(change, root, READ_ONLY, 12)
    assert ran.code == 2
    assert "what was begun cannot be undone now" in ran.output
    assert ran.output.endswith("Read-only file system), the next run that writes undoes it")


def test_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PartitaError, match="nowhere: No such file or directory"):
        change(str(tmp_path / "nowhere"))


def test_a_dry_run_shows_a_patch_and_writes_nothing(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = take_snapshot(root)
    write(root, lambda: plan_changes(root, {"a.txt": b"new a", "docs/gone.txt": None, "x": b""}), dry_run=True)
    assert take_snapshot(root) == before
    assert capsys.readouterr().out == (
        "diff --git a/a.txt b/a.txt\n"
        "--- a/a.txt\n"
        "+++ b/a.txt\n"
        "@@ -1 +1 @@\n"
        "-old a\n"
        "+new a\n"
        "\\ No newline at end of file\n"
        "diff --git a/docs/gone.txt b/docs/gone.txt\n"
        "deleted file mode 100644\n"
        "--- a/docs/gone.txt\n"
        "+++ /dev/null\n"
        "@@ -1 +0,0 @@\n"
        "-gone\n"
        "diff --git a/x b/x\n"
        "new file mode 100644\n"
    )


def test_a_journal_is_plain_json(root: str) -> None:
    run_broken(change, root, KILLED, 9)
    journal = json.loads(read(f"{root}/.partita/journal"))
    assert (journal["schema"], journal["folders"], [entry[0] for entry in journal["entries"]]) == (
        1,
        ["made", "made/deep"],
        sorted(NEW),
    )

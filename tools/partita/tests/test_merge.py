from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.merge import Labels, Merged, find_conflict, merge_contents, merge_texts

if TYPE_CHECKING:
    from pathlib import Path

LABELS = Labels("ours", "base", "theirs")
BASE = "1\n2\n3\n4\n5\n6\n7\n8\n"

TEXTS = st.lists(st.sampled_from("abcd"), max_size=8).map(lambda lines: "".join(f"{line}\n" for line in lines))


def merge(ours: str, theirs: str, base: str = BASE) -> Merged:
    return merge_texts(base, ours, theirs, LABELS)


def test_changes_at_different_places_are_both_taken() -> None:
    merged = merge(BASE.replace("2", "two"), BASE.replace("7\n", "7\nseven and a half\n"))
    assert merged == (BASE.replace("2", "two").replace("7\n", "7\nseven and a half\n"), ())


def test_the_same_change_on_both_sides_is_taken_once() -> None:
    assert merge(BASE.replace("2", "two"), BASE.replace("2", "two")) == (BASE.replace("2", "two"), ())


def test_different_changes_of_one_line_are_a_conflict_that_shows_all_three() -> None:
    conflict = "<<<<<<< ours\nzwei\n||||||| base\n2\n=======\ndeux\n>>>>>>> theirs\n"
    merged = merge(BASE.replace("2", "zwei"), BASE.replace("2", "deux"))
    assert find_conflict(merged.text.encode()) == 2
    assert merged == (BASE.replace("2\n", conflict), (2,))


def test_a_change_of_what_the_other_side_removed_is_a_conflict() -> None:
    conflict = "1\n<<<<<<< ours\n||||||| base\n2\n=======\ndeux\n>>>>>>> theirs\n3\n"
    assert merge("1\n3\n", "1\ndeux\n3\n", "1\n2\n3\n") == (conflict, (2,))


def test_the_line_ends_are_those_of_ours() -> None:
    ours = BASE.replace("2", "two").replace("\n", "\r\n")
    merged = merge(ours, BASE.replace("7", "seven"))
    assert merged == (ours.replace("7", "seven"), ())


def test_a_missing_last_line_end_is_a_change_like_any_other() -> None:
    assert merge(BASE, BASE.removesuffix("\n")) == (BASE.removesuffix("\n"), ())
    assert merge(BASE.removesuffix("\n"), BASE.replace("2", "two")) == (BASE.replace("2", "two").removesuffix("\n"), ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        (None, None, b"new", (b"new", ())),
        (b"old", b"old", None, (None, ())),
        (b"old", None, b"old", (None, ())),
        (b"old", b"mine", b"old", (b"mine", ())),
        (b"old", b"both", b"both", (b"both", ())),
        (b"old", None, b"new", (None, ((0, "theirs changes this file, which ours has removed"),))),
        (b"old", b"mine", None, (b"mine", ((0, "theirs removes this file, which ours has changed"),))),
        (
            b"\xff",
            b"\xfe",
            b"\xfd",
            (b"\xfe", ((0, "theirs and ours change this file, which is no text to merge"),)),
        ),
        (
            None,
            b"mine",
            b"new",
            (
                b"<<<<<<< ours\nmine\n||||||| base\n\n=======\nnew\n>>>>>>> theirs",
                ((1, "theirs and ours change the same lines"),),
            ),
        ),
    ],
)
def test_files_that_come_and_go(
    base: bytes | None, ours: bytes | None, theirs: bytes | None, expected: tuple[bytes | None, object]
) -> None:
    assert merge_contents(base, ours, theirs, LABELS) == expected


def test_a_line_of_equals_signs_is_no_conflict() -> None:
    assert not find_conflict(b"Title\n=======\n<<<<<<<<<\n>>>>>>> quoted\n")


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_a_side_that_changed_nothing_gives_way(base: str, changed: str) -> None:
    assert merge(changed, base, base) == (changed, ())
    assert merge(base, changed, base) == (changed, ())
    assert merge(changed, changed, base) == (changed, ())


@settings(deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_nothing_that_a_side_wrote_is_lost(base: str, ours: str, theirs: str) -> None:
    text, conflicts = merge(ours, theirs, base)
    assert next(iter(conflicts), 0) == find_conflict(text.encode())
    for line in "abcd":
        added = max(ours.count(line), theirs.count(line)) - base.count(line)
        assert text.count(f"{line}\n") >= min(added, 1)


@settings(deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_the_sides_are_equal(base: str, ours: str, theirs: str) -> None:
    one, other = merge(ours, theirs, base), merge(theirs, ours, base)
    assert one.conflicts == () or other.conflicts != ()
    assert one == other or one.conflicts


def test_where_git_sees_no_conflict_neither_do_we_and_the_texts_agree(tmp_path: Path) -> None:
    lines = [f"{number}\n" for number in range(12)]
    for mine in range(0, 12, 2):
        for other in range(0, 12, 2):
            ours = [*lines[:mine], "ours\n", *lines[mine + 1 :]]
            theirs = [*lines[:other], *lines[other + 2 :]]
            files = {"ours": ours, "base": lines, "theirs": theirs}
            for name, content in files.items():
                (tmp_path / name).write_text("".join(content))
            command = ["git", "merge-file", "-p", *files]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            merged = merge("".join(ours), "".join(theirs), "".join(lines))
            assert (done.returncode > 0) == bool(merged.conflicts)
            assert merged.conflicts or merged.text == done.stdout

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.naming import session_names


class Folder(NamedTuple):
    name: str
    folder: str


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["packages/lib", "tools/partita"], ["tests-lib", "tests-partita"]),
        (["packages/lib", "tools/lib", "tools/x"], ["tests-packages-lib", "tests-tools-lib", "tests-x"]),
        (["packages/Lib", "tools/lib"], ["tests-packages-Lib", "tests-tools-lib"]),
        (["a/b-c", "a-b/c", "x/b-c", "x/c"], ["tests-a-b-c-1", "tests-a-b-c-2", "tests-x-b-c", "tests-x-c"]),
        ([".", "packages/lib"], ["tests-m0", "tests-lib"]),
        (["packages/two words", "packages/naïve"], ["tests-two-words", "tests-naïve"]),
    ],
)
def test_a_session_is_named_after_the_folder_and_clashes_are_told_apart(
    folders: list[str], expected: list[str]
) -> None:
    members = [Folder(f"m{number}", folder) for number, folder in enumerate(folders)]

    assert list(session_names(members).values()) == expected


part = st.text(alphabet="abAB-1 /", min_size=1, max_size=6).filter(lambda text: text.strip("/") != "")


@settings(deadline=None)
@given(st.lists(part, max_size=8, unique=True))
def test_names_are_unique_in_any_case_and_need_no_quoting(folders: list[str]) -> None:
    names = session_names([Folder(f"m{number}", folder) for number, folder in enumerate(folders)])

    assert list(names) == [f"m{number}" for number in range(len(folders))]
    assert len({name.casefold() for name in names.values()}) == len(folders)
    assert all(letter.isalnum() or letter in "._-" for name in names.values() for letter in name)

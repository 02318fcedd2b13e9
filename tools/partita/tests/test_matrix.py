from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.matrix import build_matrix, pack


class Folder(NamedTuple):
    name: str
    folder: str


def entries(*names: str) -> list[dict[str, object]]:
    members = [Folder(f"bot{name}", f"packages/{name}") for name in names]
    return build_matrix(members, {f"bot{name}": f"tests-{name}" for name in names})


def test_each_member_is_one_entry() -> None:
    assert entries("state", "lib") == [
        {"name": "lib", "session": "tests-lib", "member": "botlib", "folder": "packages/lib"},
        {"name": "state", "session": "tests-state", "member": "botstate", "folder": "packages/state"},
    ]


def test_shards_are_of_about_equal_length_longest_first() -> None:
    durations = {"tests-a": 50.0, "tests-b": 30.0, "tests-c": 25.0, "tests-d": 10.0}

    assert pack(entries("a", "b", "c", "d"), 2, durations) == [
        {"name": "1 of 2", "sessions": "tests-a tests-d", "members": ["bota", "botd"], "seconds": 60.0},
        {"name": "2 of 2", "sessions": "tests-b tests-c", "members": ["botb", "botc"], "seconds": 55.0},
    ]


def test_there_are_never_more_shards_than_sessions() -> None:
    assert [entry["sessions"] for entry in pack(entries("a", "b"), 5, {})] == ["tests-a", "tests-b"]
    assert pack([], 5, {}) == []


@pytest.mark.parametrize("nonsense", [0, -1, math.nan, math.inf, "3", None, True, 10**400])
def test_what_is_no_duration_counts_as_the_median_of_the_others(nonsense: object) -> None:
    durations = {"tests-a": 10.0, "tests-b": 2.0, "tests-c": 4.0, "tests-d": nonsense, "tests-gone": 99.0}

    assert [entry["seconds"] for entry in pack(entries("a", "b", "c", "d"), 1, durations)] == [20.0]


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=5), st.integers(1, 3))
def test_every_session_runs_once_and_no_shard_is_longer_than_four_thirds_of_the_best(
    seconds: list[float], shards: int
) -> None:
    names = [str(number) for number in range(len(seconds))]
    durations = {f"tests-{name}": value for name, value in zip(names, seconds, strict=True)}

    packed = pack(entries(*names), shards, durations)

    sessions = [session for entry in packed for session in str(entry["sessions"]).split()]
    assert sorted(sessions) == sorted(durations)
    longest = max(sum(durations[session] for session in str(entry["sessions"]).split()) for entry in packed)
    places = itertools.product(range(shards), repeat=len(seconds))
    best = min(
        max(math.fsum(s for s, p in zip(seconds, place, strict=True) if p == q) for q in set(place)) for place in places
    )
    assert longest <= 4 / 3 * best + 1e-6

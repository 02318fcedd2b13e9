from __future__ import annotations

import itertools
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.errors import MissingExtraError
from partita.highs import HittingSet

SOON = 60.0  # seconds; a test that needs them has failed


def deadline() -> float:
    return time.monotonic() + SOON


@given(
    st.lists(st.integers(1, 9), min_size=5, max_size=5),
    st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=8),
)
def test_the_choice_is_the_cheapest_of_all(costs: list[int], rows: list[set[int]]) -> None:
    choices = itertools.chain.from_iterable(itertools.combinations(range(5), size) for size in range(6))
    cheapest = min(sum(costs[item] for item in c) for c in choices if all(row.intersection(c) for row in rows))
    programme = HittingSet(costs)
    programme.add(rows)
    relaxed, whole = programme.relax(deadline()), programme.solve(deadline(), range(5))
    assert relaxed.bound <= cheapest + 1e-6
    assert round(sum(cost * value for cost, value in zip(costs, whole.values, strict=True))) == cheapest
    assert cheapest - 1 < whole.bound <= cheapest + 1e-6


def test_a_banned_item_is_never_taken() -> None:
    programme = HittingSet([0, 7], banned={0})
    programme.add([(0, 1)])
    assert programme.solve(deadline(), {1}).values == (0.0, 1.0)


def test_only_new_rows_count() -> None:
    programme = HittingSet([1, 1, 1])
    assert programme.add([(0, 1), (1, 0), (1, 2)]) == 2
    assert programme.add([(2, 1)]) == 0
    assert programme.add([]) == 0


def test_a_deadline_that_has_passed_is_told() -> None:
    programme = HittingSet([1, 1, 1])
    programme.add([(0, 1), (1, 2), (0, 2)])
    answer = programme.relax(time.monotonic() - 1)
    assert not answer.finished
    assert answer.bound == 0


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    programme = HittingSet([3, 4])
    programme.add([(0, 1)])
    programme.relax(deadline())
    programme.solve(deadline(), {0})
    assert capfd.readouterr() == ("", "")


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'partita\[cut\]'"):
        HittingSet([1])

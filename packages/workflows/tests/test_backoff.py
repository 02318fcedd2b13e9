import pytest
from hypothesis import given
from hypothesis import strategies as st

from botlib import FakeRandomness
from botserver_workflows.backoff import LARGEST_JITTER, pause_before_retry
from botserver_workflows.template import Backoff, RetryPolicy


class NoJitter(FakeRandomness):
    def uniform(self, low: float, _high: float) -> float:
        return low


def pauses(kind: Backoff, *, longest: int = 30_000) -> list[float]:
    policy = RetryPolicy(backoff=kind, base_milliseconds=1_000, max_milliseconds=longest)
    return [pause_before_retry(policy, attempts, NoJitter()) for attempts in range(1, 8)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Backoff.NONE, [0, 0, 0, 0, 0, 0, 0]),
        (Backoff.LINEAR, [1, 2, 3, 4, 5, 6, 7]),
        (Backoff.EXPONENTIAL, [1, 2, 4, 8, 16, 30, 30]),
        (Backoff.FIBONACCI, [1, 1, 2, 3, 5, 8, 13]),
    ],
)
def test_the_pauses_of_each_kind(kind: Backoff, expected: list[float]) -> None:
    assert pauses(kind) == expected


def test_what_the_handler_asks_for_wins_up_to_the_maximum() -> None:
    policy = RetryPolicy(max_milliseconds=5_000)
    asked = [pause_before_retry(policy, 1, FakeRandomness(), requested_seconds=it) for it in (0, 3.5, 60, -1)]
    assert asked == [0, 3.5, 5, 0]


@given(
    kind=st.sampled_from(Backoff),
    attempts=st.integers(1, 10_000),
    base=st.integers(0, 100_000),
    longest=st.integers(0, 100_000),
    seed=st.integers(),
)
def test_no_pause_is_negative_or_longer_than_the_maximum_or_than_a_tenth_more_than_without_jitter(
    kind: Backoff, attempts: int, base: int, longest: int, seed: int
) -> None:
    policy = RetryPolicy(backoff=kind, base_milliseconds=base, max_milliseconds=longest)
    plain = pause_before_retry(policy, attempts, NoJitter())
    pause = pause_before_retry(policy, attempts, FakeRandomness(seed))
    assert 0 <= plain <= pause <= min(longest / 1_000, plain * (1 + LARGEST_JITTER) + 1e-9)

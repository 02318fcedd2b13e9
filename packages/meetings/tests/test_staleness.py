from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_meetings.staleness import Ages, Limits, Sight, reason_to_give_up
from botserver_meetings.states import OPEN, Status

LIMITS = Limits()


@pytest.mark.parametrize(
    ("status", "ages", "reason"),
    [
        (Status.RESERVED, Ages(300, None, 300), ""),
        (Status.RESERVED, Ages(301, None, 301), "stale_reserved_timeout"),
        (Status.STARTING, Ages(9999, 600, 600), ""),
        (Status.STARTING, Ages(9999, 601, 1), "stale_starting_timeout"),
        (Status.AWAITING_ADMISSION, Ages(9999, 601, 1), "stale_starting_timeout"),
        (Status.ACTIVE, Ages(9999, 9999, 120), ""),
        (Status.ACTIVE, Ages(9999, 9999, 121), "stale_active_timeout"),
        (Status.STOPPING, Ages(9999, 9999, 300), ""),
        (Status.STOPPING, Ages(9999, 9999, 301), "stale_stopping_timeout"),
        (Status.ACTIVE, Ages(9999, 9999, 1, told_to_leave=30), ""),
        (Status.ACTIVE, Ages(9999, 9999, 1, told_to_leave=31), "stopped"),
    ],
)
def test_each_state_has_its_limit(status: Status, ages: Ages, reason: str) -> None:
    assert reason_to_give_up(LIMITS, status, ages, Sight.RUNNING) == reason
    assert reason_to_give_up(LIMITS, status, ages, Sight.UNKNOWN) == reason


def test_a_process_that_is_surely_gone_is_not_waited_for() -> None:
    assert reason_to_give_up(LIMITS, Status.ACTIVE, Ages(60, 60, 6), Sight.EXITED) == "process_exited"
    assert reason_to_give_up(LIMITS, Status.ACTIVE, Ages(60, 60, 4), Sight.EXITED) == ""


@given(
    st.sampled_from(sorted(OPEN)),
    st.floats(0, 119),
    st.sampled_from([Sight.UNKNOWN, Sight.RUNNING]),
)
def test_who_gave_a_sign_in_time_lives_whatever_the_runner_cannot_see(status: Status, age: float, sight: Sight) -> None:
    assert reason_to_give_up(LIMITS, status, Ages(age, age, age), sight) == ""

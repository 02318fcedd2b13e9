from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_meetings.profiles import PROFILES, SEED, V06, Profile
from botserver_meetings.states import COUNTED, OPEN, TERMINAL, Cause, Status, Transition, is_legal_history, may_follow

AT = datetime(2030, 1, 1, tzinfo=UTC)
profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


def steps(profile: str) -> set[tuple[str, str]]:
    names = PROFILES[profile].name_of
    return {(names(start), names(end)) for start, end in PROFILES[profile].table}


def test_the_seed_goes_in_one_line_and_ends_from_everywhere() -> None:
    ends = {(start, end) for start in ("reserved", "starting", "active", "stopping") for end in ("completed", "failed")}
    line = {("reserved", "starting"), ("starting", "active"), ("active", "stopping"), ("starting", "stopping")}
    assert steps("seed") - {("awaiting_admission", "completed"), ("awaiting_admission", "failed")} == ends | line


def test_the_table_of_v06_is_that_of_the_contract() -> None:
    assert steps("v0.6") == {
        *((("requested"), end) for end in ("joining", "failed", "completed", "stopping")),
        *((("joining"), end) for end in ("awaiting_admission", "failed", "completed", "stopping")),
        *((("awaiting_admission"), end) for end in ("active", "failed", "completed", "stopping")),
        *((("active"), end) for end in ("stopping", "completed", "failed")),
        *((("stopping"), end) for end in ("completed", "failed")),
    }


@profiles
def test_an_end_is_an_end(profile: Profile) -> None:
    assert not [step for step in profile.table if step[0] in TERMINAL]
    assert set(Status) == OPEN | TERMINAL


def test_who_stops_takes_no_place() -> None:
    assert OPEN - {Status.STOPPING} == COUNTED


@pytest.mark.parametrize("cause", [Cause.USER, Cause.LAUNCH, Cause.SWEEP])
def test_only_the_bot_itself_moves_on(cause: Cause) -> None:
    for table in (SEED.table, V06.table):
        ahead = [(Status.RESERVED, Status.STARTING), (Status.STARTING, Status.ACTIVE), (Status.ACTIVE, Status.ACTIVE)]
        assert not any(may_follow(table, start, end, cause) for start, end in ahead)


@given(st.lists(st.tuples(st.sampled_from(Status), st.sampled_from(Cause)), max_size=50), st.sampled_from([SEED, V06]))
def test_whatever_is_asked_for_the_history_is_legal(wishes: list[tuple[Status, Cause]], profile: Profile) -> None:
    table = profile.table
    current = Status.RESERVED
    history: list[dict[str, Any]] = []
    for target, cause in wishes:
        if may_follow(table, current, target, cause):
            history.append(Transition(current, target, AT, cause).to_json())
            current = target
    assert is_legal_history(table, history)
    assert len(history) <= 6


@pytest.mark.parametrize(
    "history",
    [
        [("starting", "active", "bot")],
        [("reserved", "active", "bot")],
        [("reserved", "starting", "user")],
        [("reserved", "starting", "bot"), ("active", "stopping", "bot")],
        [("reserved", "completed", "user"), ("completed", "failed", "sweep")],
    ],
)
def test_a_history_with_a_wrong_step_is_found(history: list[tuple[str, str, str]]) -> None:
    kept = [{"from": start, "to": end, "source": cause} for start, end, cause in history]
    assert not is_legal_history(SEED.table, kept)

"""The tracker against a model of it, over any history and any jump of the clock (promise C2)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botserver_containers.decisions import backoff, tracker
from botserver_containers.decisions.monitor import Notify, Restart, Skip, decide
from botserver_containers.decisions.observation import ContainerState, Observation

if TYPE_CHECKING:
    import pytest

#: `CONTAINERS_FULL=1` runs as many as are promised; CI runs a sample.
RUNS = 2000 if os.environ.get("CONTAINERS_FULL") else 150
STEPS = 50
DAY = 86_400.0


class Model(NamedTuple):
    """What is promised, in other words than the code: one app, and when things happened to it."""

    restarts: int = 0
    last_restart: float | None = None
    up_since: float | None = None
    told: bool = False

    def look(self, up: bool, now: float) -> Model:
        if not up:
            return self._replace(up_since=None)
        if not self.restarts and not self.told and self.last_restart is None:
            return self
        if self.up_since is None or self.up_since > now:
            return self._replace(up_since=now)
        return Model() if now - self.up_since >= 3600 else self

    def verdict(self, down_since: float, now: float) -> str:
        if self.restarts >= 3:
            return "given up" if self.told else "tell"
        latest = max(down_since, down_since if self.last_restart is None else self.last_restart)
        waited = now - latest
        return "restart" if waited < 0 or waited >= (10, 30, 90)[self.restarts] else "wait"


# Boundaries are where mistakes hide: a moment before an hour, an hour, and clocks that jump by a day.
seconds = st.one_of(
    st.sampled_from([0.0, 9.999, 10.0, 29.999, 30.0, 90.0, 3599.999, 3600.0, DAY, -DAY, -1.0]),
    st.floats(-7200, 7200, allow_nan=False),
)
steps = st.lists(st.tuples(st.sampled_from(["up", "down"]), seconds), min_size=STEPS, max_size=STEPS)


@settings(max_examples=RUNS, suppress_health_check=list(HealthCheck))
@given(steps)
def test_the_tracker_does_what_the_model_says(history: list[tuple[str, float]]) -> None:
    check_history(history)


def check_history(history: list[tuple[str, float]]) -> None:
    now, down_since = 1_000_000.0, 1_000_000.0
    real: dict[str, tracker.History] = {}
    model, was_up = Model(), False
    for state, seconds_later in history:
        now += seconds_later
        up = state == "up"
        if was_up and not up:
            down_since = now
        was_up = up
        container = ContainerState.RUNNING if up else ContainerState.EXITED
        seen = Observation("app", container, 0 if up else 1, down_since=None if up else down_since)
        real = tracker.observe(real, {"app"} if up else set(), now)
        model = model.look(up, now)
        (action,) = decide([seen], real, set(), now)
        if up:
            assert isinstance(action, Skip)
            continue
        verdict = model.verdict(down_since, now)
        assert verdict == _word(action), (model, action, now)
        if isinstance(action, Restart):
            real = tracker.record_attempt(real, "app", now)
            model = model._replace(restarts=model.restarts + 1, last_restart=now, up_since=None)
        if isinstance(action, Notify):
            real = tracker.record_told(real, "app")
            model = model._replace(told=True)
        assert real["app"].attempts == model.restarts if real else model.restarts == 0


def _word(action: object) -> str:
    if isinstance(action, Restart):
        return "restart"
    if isinstance(action, Notify):
        return "tell"
    assert isinstance(action, Skip)
    return "given up" if action.reason == "given up" else "wait"


def catches(history: list[tuple[str, float]]) -> bool:
    try:
        check_history(history)
    except AssertionError:
        return True
    return False


CRASHES = [("down", 0.0), ("down", 10.0), ("up", 1.0), ("down", 1.0), ("down", 30.0), ("up", 1.0), ("up", 3599.999)]


def test_a_tracker_that_forgives_too_early_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not catches([*CRASHES, ("down", 0.0), ("down", 90.0)])
    monkeypatch.setattr(tracker, "STABLE_AFTER", 3599.0)
    assert catches([*CRASHES, ("down", 0.0), ("down", 90.0)])


def test_a_backoff_that_trusts_a_clock_that_went_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    history = [("down", 0.0), ("down", -DAY)]
    assert not catches(history)

    def trusting(attempts: int, down_since: float | None, last_attempt: float | None, _now: float) -> float:
        return max(it for it in (down_since, last_attempt) if it is not None) + backoff.RESTART_DELAYS[attempts]

    monkeypatch.setattr("botserver_containers.decisions.monitor.restart_due", trusting)
    assert catches(history)

"""For tests of services: a state full of fakes."""

from __future__ import annotations

from botlib import FakeClock, FakeRandomness, IdSource
from botstate.foundation import CLOCK, IDS, RANDOMNESS
from botstate.state import AppState

__all__ = ["fake_state"]


def fake_state(*, clock: FakeClock | None = None, randomness: FakeRandomness | None = None) -> AppState:
    """A state with a fake of all that the foundation provides. It is not sealed: a test may provide more."""
    clock = clock or FakeClock()
    randomness = randomness or FakeRandomness()
    state = AppState()
    state.provide(CLOCK, clock)
    state.provide(RANDOMNESS, randomness)
    state.provide(IDS, IdSource(clock, randomness))
    return state

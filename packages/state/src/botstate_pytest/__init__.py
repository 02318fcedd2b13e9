"""Fixtures for the tests of services. Pytest loads this wherever botstate is installed, so it imports nothing of it.

It stands beside `botstate` and not within, because importing a module of a package imports the package: a tenth of a
second in every run of pytest, also of those who use none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from botlib import FakeClock, FakeRandomness
    from botstate import AppState

    ComposeState = Callable[..., AbstractAsyncContextManager[AppState]]

# What the contracts assert is explained like the assertions of a test.
pytest.register_assert_rewrite("botstate.testing")


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that stands still until the test advances it: `await fake_clock.advance(60)`."""
    from botlib import FakeClock

    return FakeClock()


@pytest.fixture
def fake_randomness() -> FakeRandomness:
    """Chance that is the same in every run."""
    from botlib import FakeRandomness

    return FakeRandomness()


@pytest.fixture
def app_settings() -> tuple[object, ...]:
    """The parts of the settings, each an instance of its dataclass. To be overridden; none by default."""
    return ()


@pytest.fixture
def app_secrets() -> Mapping[str, str]:
    """The secrets by their references, such as "env:TOKEN". To be overridden; none by default."""
    return {}


@pytest.fixture
def app_state(
    app_settings: tuple[object, ...],
    app_secrets: Mapping[str, str],
    fake_clock: FakeClock,
    fake_randomness: FakeRandomness,
) -> AppState:
    """A state full of fakes, made of the four fixtures above. It is not sealed: a test may provide more."""
    from botstate.testing import fake_state

    return fake_state(*app_settings, clock=fake_clock, randomness=fake_randomness, secrets=app_secrets)


@pytest.fixture
def compose_state(
    app_settings: tuple[object, ...],
    app_secrets: Mapping[str, str],
    fake_clock: FakeClock,
    fake_randomness: FakeRandomness,
    tmp_path: Path,
) -> ComposeState:
    """Called with services, it opens a state as a server has it, on SQLite with all its tables: for `async with`."""
    from functools import partial

    from botstate.testing import composed_state

    return partial(
        composed_state,
        folder=tmp_path / "data",
        clock=fake_clock,
        randomness=fake_randomness,
        parts=app_settings,
        secrets=app_secrets,
    )

"""What the tests of botserver share."""

import logging
from collections.abc import Iterator
from importlib import metadata

import pytest

from botserver.discovery import GROUP, Discovery, load


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """`serve` sends the log to the standard error of its test, which is closed when that test is over."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _services_of_tests_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test installs is found; the services of the platform that happen to be installed here are not."""

    def discover() -> Discovery:
        found = metadata.entry_points(group=GROUP)
        return load(it for it in found if it.dist is None or not it.dist.name.startswith("botserver"))

    monkeypatch.setattr("botserver.discovery.discover", discover)

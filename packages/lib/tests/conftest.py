"""What the tests of botlib share."""

import os

import pytest
from hypothesis import settings

# Machines are slow at times; and CI repeats what it ran, while a person's runs go on looking for new examples.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"

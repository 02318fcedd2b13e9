"""What the tests of the stack share."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]


@pytest.fixture
def anyio_backend() -> str:
    """The platform runs on asyncio only."""
    return "asyncio"


@pytest.fixture
def root() -> Iterator[str]:
    """A folder that every account can enter, as PostgreSQL must when we are root; those of pytest are closed."""
    folder = tempfile.mkdtemp(prefix="stack-tests-")
    Path(folder).chmod(0o755)
    yield folder
    shutil.rmtree(folder)

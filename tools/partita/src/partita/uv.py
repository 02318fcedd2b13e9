"""The only caller of uv: it locks, builds wheels, and makes environments."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What a surrounding `uv run`, or a person's shell, would decide for every uv below it. Where and what is locked,
#: built and installed is said on each command line here.
_INHERITED = (
    "UV_BUILD_CONSTRAINT",
    "UV_CONSTRAINT",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_NO_SYNC",
    "UV_OVERRIDE",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_RESOLUTION",
    "UV_SYSTEM_PYTHON",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
    "VIRTUAL_ENV",
)


def find_uv() -> str:
    """The uv that runs us (`UV`), else the one beside this Python, else the first on PATH.

    Raises PartitaError when there is none.
    """
    import shutil  # costs 10 ms, and a nox session list needs no uv

    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    found = next(filter(None, (shutil.which(name) for name in (os.environ.get("UV", ""), beside, "uv"))), None)
    if found is None:
        raise PartitaError("uv is not installed, and Partita locks, builds and isolates with it; run: pip install uv")
    return found


def run_uv(arguments: Sequence[str], folder: str) -> str:
    """Run uv in a folder and return what it printed. Raises PartitaError with uv's own words when it fails."""
    finished = attempt_uv(arguments, folder)
    if finished.returncode:
        words = "\n  ".join(line.rstrip() for line in finished.stderr.strip().splitlines())
        raise PartitaError(f"uv {' '.join(arguments[:2])} failed in {folder}:\n  {words}")
    return finished.stdout


def attempt_uv(arguments: Sequence[str], folder: str) -> subprocess.CompletedProcess[str]:
    """Run uv in a folder and wait for it; a failure is the caller's to judge."""
    environment = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    return subprocess.run(
        [find_uv(), *arguments],
        cwd=folder,
        env=environment | {"UV_NO_PROGRESS": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )

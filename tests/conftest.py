"""What the tests at the root share."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def partita_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let Partita remember into a folder of this run: one in the home, left by another version, is told on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTITA_CACHE_DIR", str(tmp_path_factory.mktemp("partita-cache")))
        yield


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository that holds what is in the work tree."""
    folder = tmp_path_factory.mktemp("repository") / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    git = ["git", "-c", "user.name=reader", "-c", "user.email=reader@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "as it stands"], cwd=folder, check=True)
    return folder

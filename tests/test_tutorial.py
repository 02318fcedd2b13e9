"""The tutorial is typed as it stands, in a clean clone."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_of_the_tutorial_runs(clone: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text())
    assert len(blocks) >= 8
    environment = {
        name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "NOX_CURRENT_SESSION"}
    }
    script = "set -e\n" + "".join(blocks)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "exit code 1" in ran.stdout  # the broken import was found
    assert "packages/lib/src/botlib/ids.py:" in ran.stdout  # and its line told
    left = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert left.stdout == ""

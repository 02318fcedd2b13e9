"""The tutorial "write a workflow" is typed as it stands, in a clean clone."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "write-a-workflow.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^prints\n\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_runs_and_the_workflow_ends(clone: Path) -> None:
    text = PAGE.read_text()
    blocks = BLOCK.findall(text)
    (printed,) = PRINTED.findall(text)
    assert len(blocks) == 3
    left_out = {"VIRTUAL_ENV", "NOX_CURRENT_SESSION"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    script = "set -e -o pipefail\n" + "".join(blocks)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout == f"exit code 1\n{printed}"
    assert "hotel/stay.yaml:7: welcome waits for chrage, which is no step. Did you mean charge?" in ran.stderr

"""The tutorial "write a service" is typed as it stands, in a clean clone."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "write-a-service.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_runs_and_the_service_serves(clone: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) >= 8
    left_out = {"VIRTUAL_ENV", "NOX_CURRENT_SESSION"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    script = "set -e -o pipefail\n" + "".join(blocks)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for said in (
        "BOT_GUESTS__LIMITT is not known. Did you mean guests.limit?\nexit code 1\n",
        'op.create_table(\n        "guests_guest",',
        "6 passed",
        '{"greeting":"Welcome, Anna!"}\n[{"name":"Anna","fresh":true}]\n',
    ):
        assert said in ran.stdout, ran.stdout + ran.stderr
    assert re.search(r"^guests +current +guests_0001$", ran.stdout, re.MULTILINE), ran.stdout

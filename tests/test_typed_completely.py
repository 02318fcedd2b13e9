"""Everything that the seam of the platform exports has a type that both checkers know without guessing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["botlib", "botstate", "botserver_core", "botserver"])
def test_no_public_name_is_left_to_inference(package: str) -> None:
    command = [sys.executable, "-m", "basedpyright", "--verifytypes", package, "--ignoreexternal", "--outputjson"]
    done = subprocess.run([*command, "--pythonpath", sys.executable], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["typeCompleteness"]
    unclear = [it["name"] for it in found["symbols"] if it["isExported"] and not it["isTypeKnown"]]

    assert (unclear, found["completenessScore"]) == ([], 1)

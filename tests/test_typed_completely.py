"""Every name that the seam of the platform exports has a type that both checkers know without guessing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize("package", ["botlib", "botstate", "botserver_core", "botserver"])
def test_no_public_name_is_left_to_inference(package: str) -> None:
    command = [sys.executable, "-m", "basedpyright", "--verifytypes", package, "--ignoreexternal", "--outputjson"]
    done = subprocess.run([*command, "--pythonpath", sys.executable], capture_output=True, text=True, check=False)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    exported = set(import_module(package).__all__)
    public = [it for it in symbols if exported.intersection(it["name"].split(".")[1:])]

    assert len(public) >= len(exported)
    assert [it["name"] for it in public if not it["isTypeKnown"]] == []

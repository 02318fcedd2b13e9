import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["typing_accepted.py", "typing_refused.py"])
def test_mypy_accepts_what_is_right_and_every_refusal_is_needed(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}"]

    done = subprocess.run(
        [*command, str(Path(__file__).with_name(name))], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert (done.stdout, done.returncode) == ("Success: no issues found in 1 source file\n", 0)

"""This repository keeps its own rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEST_COMMAND = "pip install uv && uv run nox"
DRAW_COMMAND = "pip install uv && uv run invoke graph"


def partita(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "partita", *words, "--root", str(ROOT)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["check"], ["check-cycles"], ["scaffold", "--check"], ["lock", "--check"]])
def test_a_check_finds_nothing_here(words: list[str]) -> None:
    ran = partita(*words)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr


def test_the_readme_has_two_commands_and_ci_runs_the_second_word_for_word() -> None:
    readme = (ROOT / "README.md").read_text()
    assert f"```sh\n{DRAW_COMMAND}\n```" in readme
    assert f"```sh\n{TEST_COMMAND}\n```" in readme
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert script[-1] == TEST_COMMAND
    assert "set -euo pipefail" in script


def test_no_committed_file_names_an_index_or_a_foreign_lock() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert "uv.lock" not in listed
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if "://" in line and not line.startswith("#")] == []

"""A bounded sample of the trials, and of each the twin whose guard was taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def run(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "botserver_stack.trials", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize(
    "words",
    [
        ("kills", "--count", "6", "--kills", "2"),
        ("kills", "--count", "54", "--kills", "10", "--services", "redis", "--window", "0.3"),
        ("keepers", "--count", "2", "--when", "ready", "--window", "0.05"),
        ("keepers", "--count", "6", "--services", "redis", "--window", "0.3"),
    ],
    ids=" ".join,
)
def test_nothing_outlives_a_manager_or_a_keeper_that_was_killed(words: tuple[str, ...]) -> None:
    report = run(*words, "--seconds", "60")  # a busy machine takes its time to remove a folder
    assert (report["leaks"], report["tried"]) == ([], int(words[2]))


def test_a_start_in_which_any_system_call_fails_says_why_and_leaves_nothing() -> None:
    every = "1" if os.environ.get("STACK_TRIALS") == "full" else "300"
    report = run("faults", "--services", "redis", "--every", every, "--seconds", "60")
    assert (report["leaks"], sorted(report["signals"])) == ([], ["EAGAIN", "EIO", "EMFILE", "ENOSPC", "SIGKILL"])


@pytest.mark.parametrize(("guard", "kind"), [("end", "files"), ("words", "said")])
def test_a_start_whose_faults_are_not_dealt_with_is_found_out(guard: str, kind: str) -> None:
    words = ("--fault", "EAGAIN", "--every", "4", "--services", "redis", "--seconds", "1")
    report = run("faults", *words, "--broken", guard)
    assert kind in report["leaks"][0]["left"]


@pytest.mark.parametrize(("trial", "guard"), [("kills", "keeper"), ("keepers", "death-signal")])
def test_a_trial_finds_what_a_broken_guard_leaves(trial: str, guard: str) -> None:
    words = ("--count", "1", "--kills", "1", "--when", "ready", "--services", "redis", "--seconds", "1")
    report = run(trial, *words, "--broken", guard)
    assert "processes" in report["leaks"][0]["left"]

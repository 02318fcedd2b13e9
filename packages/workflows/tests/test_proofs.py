"""A short run of each proof, and a planted bug that it must find. The module `proofs` itself runs them whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from botserver_workflows.proofs.__main__ import main
from botserver_workflows.proofs.evaluating import compare_graphs
from botserver_workflows.proofs.orchestrators import kill_orchestrators
from botserver_workflows.proofs.processes import freeze_workers, kill_workers, poison_workers, restart_workers
from botserver_workflows.proofs.simulation import simulate
from botserver_workflows.proofs.stalls import stall_workers
from botserver_workflows.tables import steps

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

IN_CI = bool(os.environ.get("CI"))
SEEDS, GRAPHS = (200, 500) if IN_CI else (8, 60)


async def end_unasked(unit: Any, _worker_id: Any, claim: Any, **changes: Any) -> bool:
    await unit.session.execute(update(steps).where(steps.c.id == claim.step_id).values(**changes))
    return True


async def find_nothing(*_arguments: Any) -> list[Any]:
    return []


def test_whatever_the_die_says_no_promise_is_broken() -> None:
    """W10."""
    assert [it for seed in range(SEEDS) for it in simulate(seed).violations] == []


def test_a_seed_replays() -> None:
    first, second = simulate(7), simulate(7)
    assert first == second
    assert first.digest != simulate(8).digest
    assert set(first.faults) >= {"kill", "freeze", "lost before the commit", "lost after the commit"}


@pytest.mark.parametrize(
    ("guard", "bug"),
    [
        ("botserver_workflows.completing._end", end_unasked),
        ("botserver_workflows.worker.find_claims", find_nothing),
        ("botserver_workflows.orchestrator.find_stranded", find_nothing),
        ("botserver_workflows.proofs.chaos.ChaosEngine.resend", find_nothing),
        ("botserver_workflows.proofs.chaos.ChaosEngine.reclaim", find_nothing),
    ],
)
def test_the_simulation_finds_planted_bugs(monkeypatch: pytest.MonkeyPatch, guard: str, bug: Any) -> None:
    monkeypatch.setattr(guard, bug)
    assert any(simulate(seed).violations for seed in range(60))


def test_random_graphs_become_what_a_plain_reading_says() -> None:
    """W9."""
    assert compare_graphs(range(GRAPHS)) == []


def test_the_plain_reading_finds_a_planted_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "botserver_workflows.advancing.choose", lambda _steps, _bypassed, named: frozenset(list(named)[:1])
    )
    assert compare_graphs(range(60)) != []


def test_workers_that_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    """W1."""
    report = kill_workers(tmp_path, kills=5, runs=40)
    assert (report.violations, report.figures["kills"]) == ([], 5)
    assert report.figures["attempts"] > report.figures["steps"]


def test_without_a_key_effects_happen_again(tmp_path: Path) -> None:
    assert kill_workers(tmp_path, kills=5, runs=40, bug="no key").violations != []


@pytest.mark.parametrize("bug", ["", "no fence"])
def test_nothing_is_taken_from_a_worker_that_was_given_up(tmp_path: Path, bug: str) -> None:
    """W4, and its twin."""
    report = freeze_workers(tmp_path, stops=2, bug=bug, patience=10 if bug else 100)
    assert bool(report.violations) == bool(bug)


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_step_that_kills_its_process_is_parked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    """W7, and its twin, which parks it an attempt too late."""
    if is_broken:
        monkeypatch.setattr("botserver_workflows.sweeping._may_go_on", lambda row: row.attempts < 4)
    assert bool(poison_workers(tmp_path, poisons=2).violations) == is_broken


@pytest.mark.parametrize("bug", ["", "no release"])
def test_workers_that_are_told_to_stop_burn_no_attempt(tmp_path: Path, bug: str) -> None:
    """W14, and its twin."""
    assert bool(restart_workers(tmp_path, restarts=4, runs=30, bug=bug).violations) == bool(bug)


@pytest.mark.parametrize("bug", ["", "rescue unasked", "slow sweep"])
def test_orchestrators_that_are_killed_give_no_attempt_out_twice_and_none_too_late(tmp_path: Path, bug: str) -> None:
    """W3, and its twins."""
    kills, lease, patience = (1, 1.0, 5.0) if bug else (5, 2.0, 100.0)
    report = kill_orchestrators(tmp_path, kills=kills, runs=20, lease=lease, patience=patience, bug=bug)
    expected = {"": "", "rescue unasked": "was given out twice", "slow sweep": "after its worker was killed"}[bug]
    assert any(expected in it for it in report.violations) if bug else report.violations == []


@pytest.mark.parametrize("bug", ["", "seldom beat"])
def test_long_steps_are_not_taken_from_workers_that_stall(tmp_path: Path, bug: str) -> None:
    """W5, and its twin."""
    report = stall_workers(tmp_path, count=20, slots=8, lease=1.5, longest=0.2, bug=bug)
    assert bool(report.violations) == bool(bug)
    assert report.figures["stalls"] > 0


def test_the_command_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graphs", "--count", "5"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("graphs: 5 in ")
    assert told.endswith("no promise was broken\n")

"""The CI workflows, run for real as far as that goes without a forge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from forge import BRANCH, MAIN, Forge, git, partita

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(clone: Path) -> Path:
    """The clone, on `main`, whatever the branch of this work tree is."""
    git(clone, "switch", "--quiet", "--force-create", "main")
    return clone


def test_the_plan_and_one_package_run_in_a_clean_clone(source: Path, tmp_path: Path) -> None:
    forge = Forge(tmp_path, source, MAIN)

    matrix = forge.run("plan")["matrix"]

    entries = {entry["member"]: entry for entry in json.loads(matrix)}
    members = {member["name"] for member in json.loads(partita(source, "graph", "--format", "json"))["members"]}
    assert set(entries) == members
    forge.run("tests", matrix=entries["botlib"])


def test_the_plan_of_a_branch_is_what_it_affects(source: Path, tmp_path: Path) -> None:
    git(source, "switch", "--quiet", "--create", "branch")
    (source / "packages/lib/tests/test_nothing.py").write_text("")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message=change a test")

    matrix = Forge(tmp_path, source, BRANCH).run("plan")["matrix"]

    assert [entry["session"] for entry in json.loads(matrix)] == ["tests-lib"]


def test_the_logic_of_containers_runs_in_a_clean_clone(source: Path, tmp_path: Path) -> None:
    Forge(tmp_path, source, MAIN, "containers.yml").run("logic")

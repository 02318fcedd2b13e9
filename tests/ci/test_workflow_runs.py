"""The CI workflows, run for real as far as that goes without a forge."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from forge import BRANCH, MAIN, ROOT, Forge, git, partita

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds this work tree, changes that are not committed yet included, on `main`."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git repository: clone it")
    folder = tmp_path_factory.mktemp("source") / "repository"
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    git(folder, "switch", "--quiet", "--force-create", "main")
    changed = git(ROOT, "ls-files", "-z", "--modified", "--others", "--deleted", "--exclude-standard").split("\0")
    for path in filter(None, changed):
        (folder / path).unlink(missing_ok=True)
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=the work tree")
    return folder


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

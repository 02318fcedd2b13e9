"""The templates of this repository: what they make obeys every rule, passes every check and serves at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".git", ".venv", ".nox", ".partita", ".hypothesis", ".*_cache", "__pycache__", "node_modules", "uv.lock")
KINDS = {
    "service": ("botserver-meeting-notes", ["--requires", "botserver-core"]),
    "library": ("meeting-notes", ["--kind", "library", "--tier", "foundation", "--requires", "botlib"]),
}


def run(folder: Path, *words: str, code: int = 0, **environment: str) -> str:
    command = [sys.executable, "-m", *words]
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    ran = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout


def find(folder: Path) -> set[str]:
    """What `check` finds, each finding as one text."""
    command = [sys.executable, "-m", "partita", "check", "--json", "--root", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    return {json.dumps(finding, sort_keys=True) for finding in json.loads(ran.stdout)["findings"]}


@pytest.fixture(scope="module", params=sorted(KINDS))
def scaffolded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, set[str]]:
    """A copy of this repository with one member more: its name, the root, and what `check` found before."""
    root = tmp_path_factory.mktemp(request.param) / "copy"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    before = find(root)
    distribution, options = KINDS[request.param]
    run(root, "partita", "scaffold", "meeting-notes", *options)
    return distribution, root, before


def test_it_obeys_every_rule(scaffolded: tuple[str, Path, set[str]]) -> None:
    _, root, before = scaffolded
    assert find(root) - before == set()


def test_it_is_formatted_linted_and_typed(scaffolded: tuple[str, Path, set[str]]) -> None:
    _, root, _ = scaffolded
    folder = "packages/meeting-notes"
    run(root, "ruff", "check", "--no-cache", folder)
    run(root, "ruff", "format", "--no-cache", "--check", folder)
    run(root, "mypy", f"--cache-dir={root / '.mypy_cache'}", f"{folder}/src", f"{folder}/tests", MYPYPATH=sources(root))


def test_its_own_tests_pass(scaffolded: tuple[str, Path, set[str]]) -> None:
    _, root, _ = scaffolded
    words = ["pytest", "-q", "-p", "no:cacheprovider", "packages/meeting-notes"]
    assert "passed" in run(root, *words, PYTHONPATH=sources(root))


def test_it_has_not_drifted_and_stands_in_the_partition(scaffolded: tuple[str, Path, set[str]]) -> None:
    distribution, root, _ = scaffolded
    assert run(root, "partita", "scaffold", "--check") == "no member has drifted from its template\n"
    members = json.loads(run(root, "partita", "graph", "--format", "json"))["members"]
    tiers = {member["name"]: member["tier"] for member in members}
    assert tiers[distribution] == {"meeting-notes": "foundation"}.get(distribution, "service")


def test_a_service_is_an_extra_of_the_application(scaffolded: tuple[str, Path, set[str]]) -> None:
    distribution, root, _ = scaffolded
    extras = tomllib.loads((root / "packages/server/pyproject.toml").read_text())["project"]["optional-dependencies"]
    listed = [f"{distribution}>=0.1,<0.2"] if distribution.startswith("botserver") else None
    assert extras.get("meeting-notes") == listed
    assert (listed is None) or listed[0] in extras["all"]


def sources(root: Path) -> str:
    return os.pathsep.join(str(folder) for folder in sorted(root.glob("*/*/src")))

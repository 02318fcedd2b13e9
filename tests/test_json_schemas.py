"""Every JSON shape that other programs may rely on, validated against its schema on real repositories."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "docs" / "reference"

COMMANDS = {
    "graph": ["graph", "--format", "json", "--edges", "runtime,optional,dev,build,import,type-checking,lazy,test"],
    "modules": ["graph", "--level", "modules", "--format", "json"],
    "check-cycles": ["check-cycles", "--json"],
    "check": ["check", "--json"],
    "affected": ["affected", "--base", "HEAD", "--json"],
    "matrix": ["matrix"],
    "footprint": ["footprint", "--json"],
}

#: Shapes of commands that cannot run on every repository; the tests of Partita validate them where they can.
ELSEWHERE = {"lock", "test"}

MEMBER = "[project]\nname = '{name}'\nversion = '1'\ndependencies = ['{other}', 'requests']\n"


@pytest.fixture(scope="session")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small foreign repository with a cycle, a duplicate, undeclared imports and files that cannot be read."""
    root = tmp_path_factory.mktemp("messy")
    files = {
        "a/pyproject.toml": MEMBER.format(name="a", other="b"),
        "a/src/a/__init__.py": "import b.low\nimport yaml\n",
        "a/src/a/broken.py": "def (:\n",
        "b/pyproject.toml": MEMBER.format(name="b", other="a"),
        "b/src/b/__init__.py": "",
        "b/src/b/low.py": "from a import nothing\n",
        "c/pyproject.toml": MEMBER.format(name="A", other="b"),
        "d/pyproject.toml": "[project]\nname = '{{ d }}'\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    (root / "b/src/b/low.py").write_text("from a import nothing  # changed\n")
    return root


def run(root: Path, words: list[str]) -> dict[str, object] | list[object]:
    command = [sys.executable, "-m", "partita", *words, "--root", str(root)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    document: dict[str, object] | list[object] = json.loads(ran.stdout)
    return document


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_schema_is_a_schema_and_is_listed(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
    assert f"{name}.schema.json" in (SCHEMAS / "json.md").read_text()


def test_every_schema_belongs_to_a_command() -> None:
    names = {file.name.removesuffix(".schema.json") for file in SCHEMAS.glob("*.schema.json")}
    assert {name for name in names if not name.startswith("botserver-")} == ELSEWHERE | set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
@pytest.mark.parametrize("which", ["this repository", "a messy one"])
def test_what_a_command_prints_is_what_its_schema_says(name: str, which: str, messy: Path) -> None:
    validator = Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
    document = run(ROOT if which == "this repository" else messy, COMMANDS[name])
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_messy_repository_shows_every_part_of_the_shapes(messy: Path) -> None:
    """Without this, an empty answer would satisfy every schema above."""
    graph, modules = run(messy, COMMANDS["graph"]), run(messy, COMMANDS["modules"])
    cycles, affected = run(messy, COMMANDS["check-cycles"]), run(messy, COMMANDS["affected"])
    assert isinstance(graph, dict)
    assert isinstance(modules, dict)
    assert isinstance(cycles, dict)
    assert isinstance(affected, dict)
    parts = {
        **{f"graph {key}": graph[key] for key in ("members", "edges", "duplicates", "problems")},
        **{f"modules {key}": modules[key] for key in ("modules", "edges", "problems")},
        "cycles": cycles["cycles"],
        "affected": affected["members"],
    }
    assert [name for name, part in parts.items() if not part] == []

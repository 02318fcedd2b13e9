"""Code that must, and code that must not, type-check under mypy strict and under pyright strict."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ACCEPTED, REFUSED = (Path(__file__).with_name(f"typing_{name}.py") for name in ("accepted", "refused"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the checkers work; mypy remembers there what it knows of SQLAlchemy."""
    return tmp_path_factory.mktemp("typing")


def run_mypy(folder: Path, *files: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={folder}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return done.returncode, done.stdout


def run_pyright(folder: Path, *files: Path) -> tuple[int, str]:
    # Only its own comments count, so that each refusal is its own; and one that is not needed is an error.
    rules = {"enableTypeIgnoreComments": False, "reportUnnecessaryTypeIgnoreComment": "error"}
    settings = {"typeCheckingMode": "strict", "include": list(map(str, files)), "pythonVersion": "3.11", **rules}
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(project), "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def test_mypy_accepts_what_is_right_and_every_refusal_is_needed(folder: Path) -> None:
    assert run_mypy(folder, ACCEPTED, REFUSED) == (0, "Success: no issues found in 2 source files\n")


def test_pyright_accepts_what_is_right_and_every_refusal_is_needed(folder: Path) -> None:
    assert run_pyright(folder, ACCEPTED, REFUSED) == (0, "0 errors, 0 warnings, 0 notes\n")


def test_both_refuse_each_line_that_is_wrong_when_nothing_excuses_it(folder: Path) -> None:
    lines = REFUSED.read_text().splitlines()
    bare = folder / "bare.py"
    bare.write_text("\n".join(line.split("  # type: ignore")[0] for line in lines))
    wrong = [number for number, line in enumerate(lines, 1) if "# type: ignore" in line]

    assert refused_lines(run_mypy(folder, bare)[1].splitlines()) == wrong
    assert refused_lines(run_pyright(folder, bare)[1].splitlines()) == wrong


def refused_lines(said: Sequence[str]) -> list[int]:
    """The lines of the errors, of messages such as `/x/bare.py:28: error: …` and `/x/bare.py:28:26 - error: …`."""
    return sorted({int(line.split(".py:")[1].split(":")[0]) for line in said if ".py:" in line and "error:" in line})

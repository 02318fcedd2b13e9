from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from partita.cli import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree, RunPartita


def test_help_lists_every_command(partita: RunPartita) -> None:
    ran = partita("--help")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.out.splitlines() if line.startswith("  ")] == [name for name, _ in COMMANDS]


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_explains_itself(partita: RunPartita, name: str) -> None:
    ran = partita(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--root ROOT" in ran.out


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_option_with_a_value_tells_its_default(name: str) -> None:
    from partita.cli import create_command_parser

    silent = [
        action.dest
        for action in create_command_parser(name)._actions
        if action.option_strings and action.nargs != 0 and "default" not in (action.help or "")
    ]
    assert silent == []


def test_without_a_command_the_help_is_shown_as_a_usage_error(partita: RunPartita) -> None:
    assert partita().code == 2


def test_a_misspelt_command_is_told_with_the_nearest(partita: RunPartita) -> None:
    assert partita("grahp") == (2, "", "partita: no command 'grahp'; did you mean 'graph'?\n")


def test_an_unknown_option_is_a_usage_error(partita: RunPartita) -> None:
    assert partita("graph", "--nope").code == 2


def test_a_root_without_packages_is_unreadable_input(partita: RunPartita, tmp_path: Path) -> None:
    ran = partita("graph", "--root", tmp_path)
    assert ran == (
        2,
        "",
        f"partita: {tmp_path}: no package here: no pyproject.toml below this folder has a project name\n",
    )


def test_the_module_runs_as_a_program() -> None:
    ran = subprocess.run([sys.executable, "-m", "partita", "--version"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.split()[0], ran.stderr) == (0, "partita", "")


def test_a_closed_pipe_ends_without_a_traceback(make_tree: MakeTree) -> None:
    root = make_tree({"a/pyproject.toml": "[project]\nname = 'a'\n"})
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "partita", "graph", "--format", "json", "--root", str(root)]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_a_full_disk_behind_the_output_is_one_sentence(make_tree: MakeTree) -> None:
    root = make_tree({"a/pyproject.toml": "[project]\nname = 'a'\n"})
    command = [sys.executable, "-m", "partita", "graph", "--format", "json", "--root", str(root)]
    with open("/dev/full", "w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "partita: No space left on device\n")


def test_graph_json_is_what_was_promised(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(
        {
            "workspace.toml": "[[tier]]\nname = 'low'\nmembers = ['b']\n",
            "a/pyproject.toml": "[project]\nname = 'A.x'\nversion = '1'\ndependencies = ['B']\n",
            "a/a_x/__init__.py": "",
            "b/pyproject.toml": "[project]\nname = 'b'\ndynamic = ['version', 'dependencies']\n",
        }
    )
    assert json.loads(partita("graph", "--format", "json", "--root", root).out) == {
        "schema": 1,
        "members": [
            {"name": "a-x", "folder": "a", "imports": ["a_x"], "tier": None, "version": "1"},
            {"name": "b", "folder": "b", "imports": [], "tier": "low", "version": None},
        ],
        "edges": [
            {"from": "a-x", "to": "b", "kinds": ["runtime"], "evidence": [{"file": "a/pyproject.toml", "line": 4}]}
        ],
        "duplicates": [],
        "problems": [
            {
                "code": "PT005",
                "file": "b/pyproject.toml",
                "line": 3,
                "message": "b declares its dependencies dynamic: what its build adds is unknown",
            }
        ],
    }

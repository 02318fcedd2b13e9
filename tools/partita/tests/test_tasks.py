from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from partita.cli import COMMANDS, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree

TASKS = "from partita.tasks import namespace\n"
MEMBER = "[project]\nname = '{name}'\nversion = '1'\n"


@pytest.fixture
def root(make_tree: MakeTree) -> Path:
    return make_tree({"tasks.py": TASKS, "a/pyproject.toml": MEMBER.format(name="a")})


def invoke(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "invoke", *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_invoke_lists_every_command_with_one_plain_line(root: Path) -> None:
    ran = invoke(root, "--list")
    listed = [line.strip().split(None, 1) for line in ran.stdout.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted([name, sentence(summary)] for name, summary in COMMANDS)


def test_a_task_does_what_the_command_does(root: Path) -> None:
    ran = invoke(root, "graph", "--format", "json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [member["name"] for member in json.loads(ran.stdout)["members"]] == ["a"]


def test_the_exit_code_is_that_of_the_command(root: Path) -> None:
    ran = invoke(root, "graph", "--root", "nowhere")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("partita: nowhere: no such folder")


def test_the_help_of_a_task_shows_the_defaults(root: Path) -> None:
    assert "(default: text)" in " ".join(invoke(root, "--help", "graph").stdout.split())


def test_a_flag_with_two_values_takes_two(root: Path) -> None:
    ran = invoke(root, "graph", "--why", "a", "nowhere")
    assert (ran.returncode, "nowhere" in ran.stderr) == (2, True)


def test_another_program_gets_tasks_of_its_own(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "tasks.py": """
import argparse
from partita.tasks import Program, create_tasks, namespace

COMMANDS = (("list", "list"), ("run", "run"))

def create_parser(name):
    parser = argparse.ArgumentParser()
    parser.add_argument("--where", default="here", help="a place")
    parser.add_argument("rest", nargs=argparse.REMAINDER if name == "run" else "?")
    return parser

def main(words):
    print(words)
    return 3

namespace.add_collection(create_tasks(Program(COMMANDS, create_parser, main, name="other")))
"""
        }
    )
    assert "other.list" in invoke(root, "--list").stdout
    ran = invoke(root, "other.run", "--where", "there", "--", "two words", "--flag")
    assert (ran.returncode, ran.stdout) == (3, "['run', '--where', 'there', '--', 'two words', '--flag']\n")
    assert invoke(root, "other.list", "bare").stdout == "['list', '--where', 'here', 'bare']\n"

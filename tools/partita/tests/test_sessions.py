"""The Nox sessions of a workspace, as Nox itself lists and runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree

NOXFILE = "from partita.sessions import create_sessions\n\ncreate_sessions(__file__)\n"
MEMBER = """\
[project]
name = "our-{name}"
version = "1"
requires-python = ">=3.11"

[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"
"""


ROOT = """\
[project]
name = "whole"
version = "1"

[tool.uv.workspace]
members = ["packages/*", "tools/*"]
"""


def member(folder: str) -> dict[str, str]:
    name = folder.replace("/", "-")
    files = {
        "pyproject.toml": MEMBER.format(name=name),
        f"src/our_{name.replace('-', '_')}/__init__.py": "",
        f"src/our_{name.replace('-', '_')}/py.typed": "",
        "tests/test_it.py": "def test_good():\n    pass\n\n\ndef test_bad():\n    assert False\n",
    }
    return {f"{folder}/{path}": text for path, text in files.items()}


WORKSPACE = {
    "noxfile.py": NOXFILE,
    "pyproject.toml": ROOT,
    "tests/test_whole.py": "from pathlib import Path\n\n\ndef test_it():\n    assert Path('packages').is_dir()\n",
    **member("packages/lib"),
    **member("packages/chat"),
}


def nox(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NOX", "PYTEST"))}
    command = [sys.executable, "-m", "nox", "-f", str(root / "noxfile.py"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)


def listed(root: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(nox(root, "--json", "-l", *words).stdout)
    return found


def test_every_member_has_a_session_and_no_edit_is_needed_for_a_new_one(make_tree: MakeTree) -> None:
    root = make_tree(WORKSPACE)
    names = [session["name"] for session in listed(root)]
    checks = ["lint", "types", "docs", "workflows", "lowest"]
    assert names == [*checks, "tests-chat", "tests-lib", "tests-whole", "build"]
    make_tree(member("tools/new"))
    assert [session["name"] for session in listed(root) if session["name"] not in names] == ["tests-new"]


def test_a_session_says_in_one_line_what_it_does_and_carries_its_tags(make_tree: MakeTree) -> None:
    root = make_tree(WORKSPACE | member("tools/lib"))
    shown = [(each["name"], each["tags"], each["description"]) for each in listed(root, "-t", "tests")]
    done = "alone: built, installed with what it declares, imported, tested."
    assert shown == [
        ("tests-chat", ["tests", "chat"], f"our-packages-chat {done}"),
        ("tests-packages-lib", ["tests", "packages-lib"], f"our-packages-lib {done}"),
        ("tests-tools-lib", ["tests", "tools-lib"], f"our-tools-lib {done}"),
        ("tests-whole", ["tests"], "What crosses packages: the tests at the root, run in place."),
    ]
    assert [each["name"] for each in listed(root, "-t", "chat")] == ["tests-chat"]


@pytest.mark.usefixtures("offline")
def test_words_after_two_dashes_reach_pytest(make_tree: MakeTree) -> None:
    root = make_tree(WORKSPACE)
    good = nox(root, "-s", "tests-lib", "--", "-k", "good")
    assert (good.returncode, "1 passed, 1 deselected" in good.stdout) == (0, True)
    bad = nox(root, "-s", "tests-lib")
    assert (bad.returncode, "pytest ended with exit code 1" in bad.stderr) == (1, True)


@pytest.mark.usefixtures("offline")
def test_two_members_at_once(make_tree: MakeTree) -> None:
    ran = nox(make_tree(WORKSPACE), "-j", "2", "-t", "tests", "--", "-k", "not bad")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [line for line in ran.stdout.splitlines() if "passed" in line and "===" in line][2:] != []


def test_the_tests_at_the_root_run_in_place_under_both_their_names(make_tree: MakeTree) -> None:
    root = make_tree(WORKSPACE)
    for name in ("tests", "tests-whole"):
        ran = nox(root, "-s", name)
        assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stderr


@pytest.mark.usefixtures("offline")
def test_an_undeclared_import_fails_its_session_with_the_line(make_tree: MakeTree) -> None:
    source = {"packages/chat/src/our_packages_chat/__init__.py": "import our_packages_lib\n"}
    ran = nox(make_tree(WORKSPACE | source), "-s", "tests-chat")
    assert ran.returncode == 1
    assert "packages/chat/src/our_packages_chat/__init__.py:1: PT611 imports our_packages_lib" in ran.stdout


@pytest.mark.usefixtures("offline")
def test_what_would_be_published_is_built_and_looked_into(make_tree: MakeTree) -> None:
    ran = nox(make_tree(WORKSPACE), "-s", "build")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_wrong_link_fails_the_documents(make_tree: MakeTree) -> None:
    root = make_tree(WORKSPACE | {"README.md": "[a](nowhere.md)\n"})
    ran = nox(root, "-s", "docs")
    assert (ran.returncode, "README.md:1: PT621 the link leads to nowhere.md" in ran.stdout) == (1, True)


def test_a_workspace_that_cannot_be_read_is_told_without_a_traceback(make_tree: MakeTree) -> None:
    ran = nox(make_tree(WORKSPACE | {"pyproject.toml": "[tool.uv.workspace\n"}), "-l")
    assert ran.returncode != 0
    assert "partita: pyproject.toml:1: " in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_uv_a_session_says_what_to_do(make_tree: MakeTree) -> None:
    root = make_tree(WORKSPACE)
    hide = "import shutil\n\nshutil.which = lambda name: None\n"
    (root / "noxfile.py").write_text(hide + NOXFILE)
    ran = nox(root, "-s", "tests-lib")
    assert ran.returncode == 1
    assert "uv is not installed, and Partita locks, builds and isolates with it; run: pip install uv" in ran.stderr

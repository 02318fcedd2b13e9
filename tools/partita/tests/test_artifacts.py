"""What would be published: the wheel, the sdist, and the wheel made from that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from partita.artifacts import check_artifacts, judge_files
from partita.workspace import Member, read_workspace

if TYPE_CHECKING:
    from partita.fixtures import MakeTree

MEMBER = Member("lib", "lib", "lib/pyproject.toml", "lib/src", ("lib",), "1", None, (), ())
MANIFEST = """\
[project]
name = "lib"
version = "1"
requires-python = ">=3.11"

[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"
"""


@pytest.mark.usefixtures("offline")
def test_a_good_member_builds_alike_from_the_tree_and_from_its_sdist(make_tree: MakeTree) -> None:
    files = {"src/lib/__init__.py": "", "src/lib/py.typed": "", "tests/test_it.py": "", "pyproject.toml": MANIFEST}
    root = make_tree(
        {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["lib"]\n'} | {f"lib/{p}": t for p, t in files.items()}
    )
    workspace = read_workspace(str(root))
    assert check_artifacts(workspace, workspace.member("lib")) == ()
    assert sorted(path.name for path in (root / "lib").iterdir()) == ["pyproject.toml", "src", "tests"]


def test_a_wheel_without_its_types_is_told() -> None:
    files = {"lib/__init__.py"}
    assert [finding.message for finding in judge_files(MEMBER, files, files, {"lib"})] == [
        "the wheel does not hold lib/py.typed, so its types are lost"
    ]


def test_tests_in_a_wheel_are_told() -> None:
    files = {"lib/__init__.py", "lib/tests/inside.py", "tests/test_it.py"}
    assert [finding.message for finding in judge_files(MEMBER, files, files, ())] == [
        "the wheel installs tests beside the package, where it meets that of others"
    ]


def test_files_that_only_one_of_both_wheels_holds_are_told() -> None:
    found = judge_files(MEMBER, {"lib/a.py", "lib/b.py"}, {"lib/a.py", "lib/c.py"}, ())
    assert [finding.message for finding in found] == [
        "the wheel made from the sdist does not hold lib/b.py",
        "only the wheel made from the sdist holds lib/c.py",
    ]

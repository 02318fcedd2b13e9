from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from partita import cache
from partita.declared import declared_graph
from partita.errors import PartitaError
from partita.findings import Finding
from partita.graph import Edge, Evidence, Graph
from partita.workspace import Workspace, find_root, read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree

ROOT = """\
[project]
name = 'root'
[tool.uv.workspace]
members = ['packages/*', 'tools/**/kit']
exclude = ['packages/old*']
"""


def project(name: str, *dependencies: str) -> str:
    return f"[project]\nname = '{name}'\nversion = '1'\ndependencies = {list(dependencies)!r}\n"


def folders(workspace: Workspace) -> list[tuple[str, str]]:
    return [(member.name, member.folder) for member in workspace.members]


def refuse(root: Path) -> list[str]:
    with pytest.raises(PartitaError) as caught:
        read_workspace(str(root))
    return list(caught.value.problems)


def test_uv_members_are_the_root_and_what_is_matched_and_not_excluded(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "pyproject.toml": ROOT,
            "packages/a/pyproject.toml": project("a"),
            "packages/old-b/pyproject.toml": project("old-b"),
            "packages/.hidden/pyproject.toml": project("hidden"),
            "packages/no-manifest/readme.txt": "",
            "tools/kit/pyproject.toml": project("kit"),
            "tools/deep/er/kit/pyproject.toml": project("deeper-kit"),
            "elsewhere/pyproject.toml": project("elsewhere"),
        }
    )
    assert folders(read_workspace(str(root))) == [
        ("a", "packages/a"),
        ("deeper-kit", "tools/deep/er/kit"),
        ("kit", "tools/kit"),
        ("root", "."),
    ]


def test_without_a_workspace_every_manifest_below_the_root_is_a_member(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "one/pyproject.toml": project("one"),
            "one/inner/pyproject.toml": "[tool.poetry]\nname = 'inner'\n",
            ".hidden/pyproject.toml": project("hidden"),
            "node_modules/x/pyproject.toml": project("x"),
            "build/pyproject.toml": project("built"),
            "tooling/pyproject.toml": "[tool.ruff]\n",
        }
    )
    assert folders(read_workspace(str(root))) == [("inner", "one/inner"), ("one", "one")]


def test_a_link_that_leads_back_up_is_not_followed(make_tree: MakeTree) -> None:
    root = make_tree({"one/pyproject.toml": project("one")})
    (root / "one" / "loop").symlink_to(root)
    assert folders(read_workspace(str(root))) == [("one", "one")]


def test_what_stands_in_a_folder_that_may_not_be_read_is_a_problem(
    make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree({"one/pyproject.toml": project("one"), "locked/x": ""})
    scan = os.scandir

    def refuse_locked(path: str) -> object:  # whoever runs the tests as root may read every folder
        if path.endswith("/locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse_locked)
    problems = read_workspace(str(root)).problems
    assert problems == (Finding("PT006", "locked", 0, "the folder cannot be read: Permission denied"),)


@pytest.mark.parametrize(
    ("files", "import_root", "imports"),
    [
        ({"src/a/__init__.py": "", "src/b.py": "", "src/c-d/x.py": "", "other.py": ""}, "m/src", ("a", "b")),
        ({"a/__init__.py": "", "b.py": "", "tests/x.py": "", "docs/conf.py": "", "empty/x.txt": ""}, "m", ("a", "b")),
        ({"src/space/one/two/x.py": "", "src/bare/data/y.txt": ""}, "m/src", ("space",)),
    ],
)
def test_the_import_root_and_what_can_be_imported(
    make_tree: MakeTree, files: dict[str, str], import_root: str, imports: tuple[str, ...]
) -> None:
    root = make_tree({"m/pyproject.toml": project("m"), **{f"m/{path}": text for path, text in files.items()}})
    (member,) = read_workspace(str(root)).members
    assert (member.import_root, member.imports) == (import_root, imports)


def test_two_manifests_of_one_name_in_a_foreign_repository_are_listed_and_no_error(make_tree: MakeTree) -> None:
    root = make_tree(
        {"b/pyproject.toml": project("X"), "a/pyproject.toml": project("x"), "c/pyproject.toml": project("c", "x")}
    )
    workspace = read_workspace(str(root))
    assert (folders(workspace), workspace.duplicates) == ([("c", "c"), ("x", "a")], (("x", "b"),))
    message = "the name x is taken by a/pyproject.toml"
    assert workspace.problems == (Finding("PT003", "b/pyproject.toml", 0, message, subject="x"),)


def test_a_broken_manifest_in_a_foreign_repository_is_a_problem_and_no_crash(make_tree: MakeTree) -> None:
    root = make_tree({"a/pyproject.toml": project("a"), "template/pyproject.toml": "[project]\nname = {{ name }}\n"})
    workspace = read_workspace(str(root))
    assert folders(workspace) == [("a", "a")]
    assert [(problem.code, problem.file, problem.line) for problem in workspace.problems] == [
        ("PT001", "template/pyproject.toml", 2)
    ]


def test_a_folder_with_only_setup_files_is_a_problem_with_the_name_they_give(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": project("a"),
            "old/setup.py": "from setuptools import setup\nsetup(\n    name='old-one',\n)\n",
            "older/setup.cfg": "[metadata]\nname = older-one\n",
            "older/setup.py": "import setuptools; setuptools.setup()\n",
        }
    )

    def told(name: str, file: str) -> str:
        return f"the package ({name!r}) has no pyproject.toml; what {file} computes is unknown, so it is no member"

    assert read_workspace(str(root)).problems == (
        Finding("PT004", "old/setup.py", 0, told("old-one", "setup.py"), subject="old"),
        Finding("PT004", "older/setup.cfg", 0, told("older-one", "setup.cfg"), subject="older"),
    )


def test_a_configured_repository_tells_every_problem_at_once(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "workspace.toml": '[[tier]]\nname = "low"\nmembers = ["a", "missing"]\n',
            "pyproject.toml": ROOT,
            "packages/a/pyproject.toml": project("a"),
            "packages/b/pyproject.toml": project("A"),
            "packages/c/pyproject.toml": "[project",
        }
    )
    problems = refuse(root)
    assert [problem.split(": ")[0] for problem in problems] == [
        "packages/c/pyproject.toml:1",
        "packages/b/pyproject.toml",
        "workspace.toml:3",
    ]
    assert problems[1].endswith("the name 'a' is taken by packages/a/pyproject.toml; give one of them another name")


def test_an_empty_workspace_is_an_error(make_tree: MakeTree) -> None:
    root = make_tree({"readme.txt": ""})
    assert refuse(root) == [f"{root}: no package here: no pyproject.toml below this folder has a project name"]


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert refuse(tmp_path / "no") == [f"{tmp_path / 'no'}: no such folder; give the root of a repository with --root"]


def test_a_broken_manifest_at_the_root_stops_everything(make_tree: MakeTree) -> None:
    (problem,) = refuse(make_tree({"pyproject.toml": "[tool.uv.workspace\n", "a/pyproject.toml": project("a")}))
    assert problem.startswith("pyproject.toml:1: the manifest is not valid TOML: ")


def test_the_root_is_the_nearest_workspace_upward(make_tree: MakeTree, tmp_path: Path) -> None:
    root = make_tree({"pyproject.toml": ROOT, "packages/a/pyproject.toml": project("a"), "packages/a/src/a/x.py": ""})
    assert find_root(str(root / "packages" / "a" / "src")) == str(root)
    assert find_root(str(tmp_path)) == str(tmp_path)


def test_the_declared_graph_keeps_kinds_and_lines_and_leaves_out_the_own_name(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": project("a", "b>=1", "a[x]", "B", "requests"),
            "b/pyproject.toml": project("b") + "[project.optional-dependencies]\nx = [\n  'a',\n]\n",
        }
    )
    assert declared_graph(read_workspace(str(root))) == Graph(
        ("a", "b"),
        (
            Edge("a", "b", (Evidence("runtime", "a/pyproject.toml", 4),)),
            Edge("b", "a", (Evidence("optional", "b/pyproject.toml", 7),)),
        ),
    )


def test_a_warm_cache_gives_the_same_answer_and_notices_every_change(
    make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.tree.RACY_NANOSECONDS", -(10**18))  # trust files that were written just now
    root = make_tree({"a/pyproject.toml": project("a"), "a/src/a/__init__.py": ""})
    first = read_workspace(str(root))
    assert cache.load(str(root), "members") is not None
    assert read_workspace(str(root))[:6] == first[:6]
    (root / "a/src/b.py").write_text("")
    assert read_workspace(str(root)).members[0].imports == ("a", "b")
    (root / "a/pyproject.toml").write_text(project("renamed"))
    assert folders(read_workspace(str(root))) == [("renamed", "a")]
    (root / "c").mkdir()
    (root / "c/pyproject.toml").write_text(project("c"))
    assert folders(read_workspace(str(root))) == [("c", "c"), ("renamed", "a")]
    (root / "a/pyproject.toml").unlink()
    assert folders(read_workspace(str(root))) == [("c", "c")]

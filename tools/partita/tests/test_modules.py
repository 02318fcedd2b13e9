from __future__ import annotations

from typing import TYPE_CHECKING

from partita.modules import ModuleGraph, member_edges, read_imports, read_modules
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from partita.fixtures import MakeTree


def manifest(name: str) -> str:
    return f"[project]\nname = '{name}'\nversion = '1'\n"


def read(root: Path) -> ModuleGraph:
    return read_modules(read_workspace(str(root)))


def edges(modules: ModuleGraph) -> list[tuple[str, str, list[tuple[str, int]]]]:
    return [(e.source, e.target, [(item.kind, item.line) for item in e.evidence]) for e in modules.graph.edges]


def test_modules_are_named_by_their_path_below_the_import_root(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": manifest("a"),
            "a/src/a/__init__.py": "",
            "a/src/a/deep/er.py": "",
            "a/src/single.py": "",
            "a/src/a/not-a-name.py": "",
            "a/src/a/not-a-folder/x.py": "",
            "a/src/a/__pycache__/x.py": "",
            "a/src/a/.hidden/x.py": "",
            "a/tests/test_a.py": "",
            "b/pyproject.toml": manifest("b"),
            "b/b.py": "",
            "b/docs/conf.py": "",
            "b/tests/x.py": "",
            "b/b_inner/docs/x.py": "",
        }
    )
    assert [tuple(module) for module in read(root).modules] == [
        ("a", "a", "a/src/a/__init__.py"),
        ("a.deep.er", "a", "a/src/a/deep/er.py"),
        ("b", "b", "b/b.py"),
        ("b_inner.docs.x", "b", "b/b_inner/docs/x.py"),
        ("single", "a", "a/src/single.py"),
    ]


def test_a_file_belongs_to_the_innermost_member(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "pyproject.toml": manifest("whole"),
            "outer.py": "import inner\n",
            "packages/inner/pyproject.toml": manifest("inner"),
            "packages/inner/src/inner/__init__.py": "",
        }
    )
    modules = read(root)
    assert [(module.name, module.member) for module in modules.modules] == [("inner", "inner"), ("outer", "whole")]
    assert edges(modules) == [("outer", "inner", [("toplevel", 1)])]


def test_statements_lead_where_the_definition_says(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": manifest("a"),
            "a/src/a/__init__.py": "from . import low\n",
            "a/src/a/low.py": "import a.low\nfrom a import low\n",
            "a/src/a/sub/__init__.py": "from .. import low\nfrom ..low import name\nfrom . import leaf\n",
            "a/src/a/sub/leaf.py": "from a.low import name\nimport a.low.name.deeper\nfrom a.sub import leaf\n",
            "b/pyproject.toml": manifest("b"),
            "b/src/b.py": "from a import low, unknown\nfrom a import *\nimport a.sub as s, json\n",
        }
    )
    assert edges(read(root)) == [
        ("a", "a.low", [("toplevel", 1)]),
        ("a.sub", "a.low", [("toplevel", 1), ("toplevel", 2)]),
        ("a.sub", "a.sub.leaf", [("toplevel", 3)]),
        ("a.sub.leaf", "a.low", [("toplevel", 1), ("toplevel", 2)]),
        ("b", "a", [("toplevel", 1), ("toplevel", 2)]),
        ("b", "a.low", [("toplevel", 1)]),
        ("b", "a.sub", [("toplevel", 3)]),
    ]


def test_a_namespace_is_shared_and_resolved_by_file(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "one/pyproject.toml": manifest("one"),
            "one/src/space/one/__init__.py": "from space.two import thing\nfrom space import two\nimport space\n",
            "two/pyproject.toml": manifest("two"),
            "two/src/space/two/__init__.py": "",
        }
    )
    workspace = read_workspace(str(root))
    modules = read_modules(workspace)
    assert edges(modules) == [("space.one", "space.two", [("toplevel", 1), ("toplevel", 2)])]
    assert [(e.source, e.target, e.kinds) for e in member_edges(workspace, modules).edges] == [
        ("one", "two", ("import",))
    ]


def test_every_kind_reaches_the_level_of_members(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": manifest("a"),
            "a/src/a/__init__.py": (
                "from typing import TYPE_CHECKING\nimport b\nif TYPE_CHECKING:\n    import c\ndef f():\n    import d\n"
            ),
            "a/tests/test_a.py": "import e\nimport a\n",
            **{f"{name}/pyproject.toml": manifest(name) for name in "bcde"},
            **{f"{name}/src/{name}.py": "" for name in "bcde"},
        }
    )
    workspace = read_workspace(str(root))
    seen = member_edges(workspace, read_modules(workspace))
    assert [(edge.target, [tuple(item) for item in edge.evidence]) for edge in seen.edges] == [
        ("b", [("import", "a/src/a/__init__.py", 2)]),
        ("c", [("type-checking", "a/src/a/__init__.py", 4)]),
        ("d", [("lazy", "a/src/a/__init__.py", 6)]),
        ("e", [("test", "a/tests/test_a.py", 1)]),
    ]


def test_what_is_wrong_with_sources_is_told_and_the_rest_is_read(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": manifest("a"),
            "a/src/a/__init__.py": "from ... import too_far\nimport b\n",
            "a/src/a/broken.py": "def (:\nimport b (\n",
            "a/src/a/bytes.py": b"x = '\xff'\n",
            "a/src/same.py": "",
            "b/pyproject.toml": manifest("b"),
            "b/src/b.py": "",
            "b/src/same.py": "import a\n",
        }
    )
    modules = read(root)
    assert edges(modules) == [("a", "b", [("toplevel", 2)])]
    assert [(problem.code, problem.file, problem.line) for problem in modules.problems] == [
        ("PT011", "a/src/a/broken.py", 1),
        ("PT012", "a/src/a/bytes.py", 1),
        ("PT013", "b/src/same.py", 0),
        ("PT014", "a/src/a/__init__.py", 1),
    ]
    assert all(problem.message for problem in modules.problems)


def test_links_that_lead_in_circles_are_not_followed(make_tree: MakeTree) -> None:
    root = make_tree({"a/pyproject.toml": manifest("a"), "a/src/a/__init__.py": ""})
    (root / "a/src/a/again").symlink_to(root / "a/src")
    assert [module.name for module in read(root).modules] == ["a"]


def test_every_imported_name_is_told_with_where_it_stands(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "a/pyproject.toml": manifest("a"),
            "a/src/a/__init__.py": "import yaml\nfrom google.cloud import storage\nfrom .x import y\n",
            "a/src/a/x.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\n",
            "a/tests/t.py": "from yaml import *\n",
        }
    )
    found = read_imports(read_workspace(str(root)))
    package = "a/src/a/__init__.py"
    assert [item[:7] for item in found] == [
        ("a", package, 1, "toplevel", "yaml", False, False),
        ("a", package, 2, "toplevel", "google.cloud.storage", False, False),
        ("a", package, 3, "toplevel", "a.x.y", False, False),
        ("a", "a/src/a/x.py", 2, "toplevel", "fast", True, False),
        ("a", "a/tests/t.py", 1, "toplevel", "yaml", False, True),
    ]


def test_a_warm_cache_gives_the_same_answer_and_notices_an_edit(
    make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.tree.RACY_NANOSECONDS", -(10**18))  # trust files that were written just now
    root = make_tree(
        {
            "a/pyproject.toml": manifest("a"),
            "a/src/a.py": "import b\n",
            "b/pyproject.toml": manifest("b"),
            "b/src/b.py": "",
        }
    )
    first = read(root)
    assert read(root) == first
    (root / "a/src/a.py").write_text("import json\n")
    (root / "b/src/c.py").write_text("import a\n")
    assert edges(read(root)) == [("c", "a", [("toplevel", 1)])]
    (root / "b/src/c.py").unlink()
    assert edges(read(root)) == []

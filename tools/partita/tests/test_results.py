"""Skipping what is proven unchanged: never more, and never a failure."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from partita import results
from partita.cache import cache_folder
from partita.lock import Lock, Pin
from partita.results import Basis, Ground, explain, find_pass, keep_pass, read_durations, record_duration
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from partita.fixtures import MakeTree, RunPartita

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
BASIS = Basis((("lib", "2"), ("the lock", "1")))
LOCK = "# python: >=3.11\nalpha==1.0\n    # via chat\npytest=={}\n    # via chat:test\n"


def member(name: str, *dependencies: str, extra: str = "") -> dict[str, str]:
    quoted = ", ".join(f'"{dependency}"' for dependency in dependencies)
    manifest = (
        f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{quoted}]\n{extra}'
    )
    build = '\n[build-system]\nrequires = ["uv_build>=0.9"]\nbuild-backend = "uv_build"\n'
    return {
        f"packages/{name}/pyproject.toml": manifest + build,
        f"packages/{name}/src/{name}/__init__.py": "",
        f"packages/{name}/tests/test_it.py": "def test_it():\n    pass\n",
    }


WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    "requirements.lock": LOCK.format(pytest.__version__),
    **member("lib"),
    **member("chat", "lib", extra='[dependency-groups]\ntest = ["alpha"]\n'),
}


def bases(root: Path) -> dict[str, Basis]:
    workspace = read_workspace(str(root))
    pins = (Pin("alpha", "1.0", needed_by=("chat",)), Pin("deep", "1.0", needed_by=("alpha",)), Pin("other", "1.0"))
    ground = Ground(workspace, Lock("", (), pins))
    return {each.name: ground.basis(each) for each in workspace.members}


def changed(make_tree: MakeTree, path: str, content: str) -> list[str]:
    """Members whose session rests on something else after this file is written."""
    root = make_tree(WORKSPACE)
    before = bases(root)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)
    after = bases(root)
    return [name for name in before if before[name] != after[name]]


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("packages/lib/src/lib/__init__.py", ["chat", "lib"]),
        ("packages/lib/src/lib/build/data.bin", ["chat", "lib"]),
        ("packages/lib/README.md", ["chat", "lib"]),
        ("packages/lib/tests/test_it.py", ["lib"]),
        ("packages/lib/tests/data/given.txt", ["lib"]),
        ("packages/chat/src/chat/new.py", ["chat"]),
        ("conftest.py", ["chat", "lib"]),
        ("pytest.ini", ["chat", "lib"]),
        ("packages/lib/build/lib/old.py", []),
        ("packages/lib/src/lib/__pycache__/x.pyc", []),
        ("docs/page.md", []),
    ],
)
def test_a_session_rests_on_its_sources_its_tests_and_the_sources_of_its_closure(
    make_tree: MakeTree, path: str, reached: list[str]
) -> None:
    assert changed(make_tree, path, "# changed\n") == reached


def test_a_session_rests_on_its_slice_of_the_lock_alone(make_tree: MakeTree) -> None:
    workspace = read_workspace(str(make_tree(WORKSPACE)))

    def basis(name: str, *pins: Pin) -> Basis:
        return Ground(workspace, Lock("", (), pins)).basis(workspace.member(name))

    alpha, deep, other = Pin("alpha", "1.0"), Pin("deep", "1.0", needed_by=("alpha",)), Pin("other", "1.0")
    for newer in (alpha._replace(version="1.1"), alpha._replace(hashes=("sha256:0",))):
        assert basis("chat", alpha, deep, other) != basis("chat", newer, deep, other)
        assert basis("lib", alpha, deep, other) == basis("lib", newer, deep, other)
    assert basis("chat", alpha, deep, other) != basis("chat", alpha, deep._replace(version="2.0"), other)
    assert basis("chat", alpha, deep, other) == basis("chat", alpha, deep, other._replace(version="2.0"))


def test_without_a_lock_nothing_can_be_proven(make_tree: MakeTree) -> None:
    workspace = read_workspace(str(make_tree(WORKSPACE)))
    basis = Ground(workspace, None).basis(workspace.member("lib"))
    keep_pass(workspace.root, "tests-lib", basis, 1.0)
    assert basis.unknown == "no lock says which third parties would be installed"
    assert find_pass(workspace.root, "tests-lib", basis) is None


def test_dependencies_that_a_build_computes_cannot_be_proven_either(make_tree: MakeTree) -> None:
    manifest = '[project]\nname = "odd"\nversion = "1"\ndynamic = ["dependencies"]\n[build-system]\nrequires = []\n'
    workspace = read_workspace(str(make_tree({**WORKSPACE, "packages/odd/pyproject.toml": manifest})))
    ground = Ground(workspace, Lock("", (), ()))
    assert ground.basis(workspace.member("odd")).unknown == "odd declares its dependencies dynamic"


def test_a_pass_is_found_again_on_the_same_basis_only(tmp_path: Path) -> None:
    root = str(tmp_path)
    keep_pass(root, "tests-lib", BASIS, 1.5)
    found = find_pass(root, "tests-lib", BASIS)
    assert found is not None
    assert (found.parts, found.seconds) == (BASIS.parts, 1.5)
    assert find_pass(root, "tests-lib", Basis((("the lock", "9"), ("lib", "2")))) is None
    assert find_pass(root, "tests-chat", BASIS) is None


def test_what_changed_since_the_last_pass_is_told(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert explain(root, "tests-lib", BASIS) == "it has not passed here yet"
    keep_pass(root, "tests-lib", BASIS, 1.5)
    assert explain(root, "tests-lib", Basis((("the lock", "9"), ("lib", "3")))) == "lib and the lock changed"


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"schema":1}', '{"schema":1,"parts":{"lib":"3"},"time":"","seconds":1}']
)
def test_a_damaged_pass_counts_for_nothing(tmp_path: Path, damage: str) -> None:
    root = str(tmp_path)
    keep_pass(root, "tests-lib", BASIS, 1.5)
    (kept,) = Path(cache_folder(root), "results", "tests-lib").iterdir()
    kept.write_text(damage)
    assert find_pass(root, "tests-lib", BASIS) is None


def test_only_the_latest_passes_are_kept(tmp_path: Path) -> None:
    root = str(tmp_path)
    for number in range(20):
        keep_pass(root, "tests-lib", Basis((("lib", str(number)),)), 1.0)
    kept = [number for number in range(20) if find_pass(root, "tests-lib", Basis((("lib", str(number)),)))]
    assert (len(kept), kept[-1]) == (8, 19)


def test_durations_here_go_over_those_of_the_repository(tmp_path: Path) -> None:
    assert read_durations(str(tmp_path)) == {}
    given = {"schema": 1, "seconds": {"tests-lib": 9, "tests-chat": 2.5, "tests-odd": "long"}}
    (tmp_path / "durations.json").write_text(json.dumps(given))
    record_duration(str(tmp_path), "tests-lib", 1.23456)
    assert read_durations(str(tmp_path)) == {"tests-lib": 1.235, "tests-chat": 2.5}


def test_many_that_record_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record_duration(str(tmp_path), f"tests-{number}", number + 1), range(40)))
    assert read_durations(str(tmp_path)) == {f"tests-{number}": number + 1 for number in range(40)}


def test_the_session_code_is_all_that_isolation_imports() -> None:
    """A change of any module that decides what a session does must make sessions run again."""
    waiting, reached = ["isolation", "results"], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += imported_modules(Path(results.__file__).parent / f"{name}.py")
    assert sorted(reached - set(results._SESSION_CODE)) == []


def imported_modules(file: Path) -> list[str]:
    """The modules of Partita that this one imports, anywhere in it, but for types."""
    found = []
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            skipped.update(node.body)
        elif isinstance(node, ast.ImportFrom) and node not in skipped and node.module:
            top, _, below = node.module.partition(".")
            if top == "partita":
                found += [below.partition(".")[0]] if below else [alias.name for alias in node.names]
    return found


@pytest.mark.usefixtures("offline")
def test_the_command_runs_what_changed_and_skips_the_rest(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree(WORKSPACE)

    def test(*words: str) -> dict[str, tuple[str, str]]:
        shown: dict[str, Any] = json.loads(partita("test", "--root", root, "--json", *words).out)
        jsonschema.validate(shown, json.loads((REFERENCE / "test.schema.json").read_text()))
        return {done["session"]: (done["status"], done["because"].partition(",")[0]) for done in shown["sessions"]}

    assert {name: status for name, (status, _) in test().items()} == {"tests-chat": "passed", "tests-lib": "passed"}
    skipped = test()
    assert {name: status for name, (status, _) in skipped.items()} == {"tests-chat": "skipped", "tests-lib": "skipped"}
    assert skipped["tests-lib"][1].startswith("nothing it rests on has changed since it passed on 2")
    (root / "packages/chat/tests/test_it.py").write_text("def test_it():\n    assert False\n")
    failed = {"tests-chat": ("failed", "pytest ended with exit code 1"), "tests-lib": skipped["tests-lib"]}
    assert test() == failed
    assert test() == failed
    assert test("--no-cache", "--only", "packages/lib")["tests-lib"][0] == "passed"


@pytest.mark.usefixtures("offline")
def test_the_table_tells_why_and_what_was_saved(make_tree: MakeTree, partita: RunPartita) -> None:
    root = make_tree({path: text for path, text in WORKSPACE.items() if "chat" not in path})
    first, second = partita("test", "--root", root), partita("test", "--root", root)
    assert first.out.splitlines()[0] == "tests-lib: runs: it has not passed here yet"
    assert first.out.splitlines()[-1] == "1 passed, 0 failed"
    assert re.fullmatch(r"0 passed, 0 failed, 1 skipped \(\d+\.\d s saved\)", second.out.splitlines()[-1])


@pytest.mark.usefixtures("offline")
def test_a_member_that_cannot_be_installed_fails_and_the_others_run(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("test", "--root", make_tree({**WORKSPACE, **member("chat", "lib", "nowhere-to-be-found")}))
    assert ran.code == 1
    assert "nowhere-to-be-found" in ran.out
    assert ran.out.splitlines()[-1] == "1 passed, 1 failed"


@pytest.mark.usefixtures("offline")
def test_two_runs_at_once_do_the_work_once(make_tree: MakeTree) -> None:
    log = (
        "import os\n\ndef test_it():\n    with open(os.environ['RUN_LOG'], 'a') as file:\n        file.write('run ')\n"
    )
    root = make_tree({**WORKSPACE, "packages/lib/tests/test_it.py": log})
    words = [sys.executable, "-m", "partita", "test", "--only", "lib", "--root", str(root)]
    environment = os.environ | {"RUN_LOG": str(root / "log")}
    running = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in "12"
    ]
    last = sorted(process.communicate(timeout=120)[0].splitlines()[-1].partition("(")[0] for process in running)
    assert last == ["0 passed, 0 failed, 1 skipped ", "1 passed, 0 failed"]
    assert (root / "log").read_text() == "run "


def test_a_name_that_no_member_has_is_told(make_tree: MakeTree, partita: RunPartita) -> None:
    ran = partita("test", "--only", "chta", "--root", make_tree(WORKSPACE))
    assert (ran.code, ran.err) == (2, "partita: chta: no member has this name or folder; did you mean 'chat'?\n")

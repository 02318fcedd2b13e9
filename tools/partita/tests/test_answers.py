from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree, RunPartita

MEMBER = "[project]\nname = '{name}'\nversion = '1'\n"


@pytest.fixture
def root(make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("partita.tree.RACY_NANOSECONDS", -(10**18))  # trust files that were written just now
    root = make_tree({"a/pyproject.toml": MEMBER.format(name="a"), "a/src/a.py": ""})
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the workspace was read again")

    monkeypatch.setattr("partita.commands.graph.read_workspace", refuse)


def test_an_unchanged_question_is_answered_from_memory(
    root: Path, partita: RunPartita, request: pytest.FixtureRequest
) -> None:
    first = partita("graph", "--format", "json")
    request.getfixturevalue("forbid_reading")
    assert partita("graph", "--format", "json") == first
    assert root.name in str(root)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a/pyproject.toml").write_text(MEMBER.format(name="b")),
        lambda root: (root / "a/src/b.py").write_text(""),
        lambda root: (root / "workspace.toml").write_text("[[tier]]\nname = 'x'\nmembers = ['a']\n"),
        lambda root: [(root / "b").mkdir(), (root / "b/pyproject.toml").write_text(MEMBER.format(name="b"))],
        lambda root: (root / "a/src/a.py").unlink(),
    ],
    ids=["manifest", "new module", "new configuration", "new member", "module gone"],
)
def test_every_change_that_matters_is_noticed(root: Path, partita: RunPartita, change: object) -> None:
    first = partita("graph", "--format", "json")
    assert callable(change)
    change(root)
    changed = partita("graph", "--format", "json")
    assert changed.out != first.out
    assert changed == partita("graph", "--format", "json", "--no-cache")


def test_no_cache_reads_everything_anew(root: Path, partita: RunPartita, request: pytest.FixtureRequest) -> None:
    assert partita("graph", "--format", "json", "--root", root).code == 0
    request.getfixturevalue("forbid_reading")
    with pytest.raises(pytest.fail.Exception):
        partita("graph", "--format", "json", "--root", root, "--no-cache")


def test_a_file_written_at_the_moment_of_reading_is_read_again(
    make_tree: MakeTree, partita: RunPartita, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the tests above: with the real rule, and every file fresh, nothing may be remembered."""
    monkeypatch.setattr("partita.tree.RACY_NANOSECONDS", 10**18)
    monkeypatch.chdir(make_tree({"a/pyproject.toml": MEMBER.format(name="a")}))
    partita("graph", "--format", "json")
    monkeypatch.setattr("partita.commands.graph.read_workspace", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(pytest.fail.Exception):
        partita("graph", "--format", "json")


def test_a_remembered_answer_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys\n"
        "from partita import tree\n"
        "tree.RACY_NANOSECONDS = -(10**18)\n"
        "from partita.cli import main\n"
        "assert main(['graph', '--format', 'json']) == 0\n"
        "heavy = {'argparse', 'typing', 're', 'json', 'tomli', 'subprocess', 'dataclasses', 'partita.workspace'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)\n"
    )
    heavy = [
        subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
                       cwd=root, capture_output=True, text=True, check=True).stderr.strip()
        for _ in range(2)
    ]  # fmt: skip
    assert heavy[1] == "[]"
    assert heavy[0] != "[]"

"""`affected` and `matrix` as commands, on real repositories."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from partita import outline
from partita.outline import recall

if TYPE_CHECKING:
    from partita.fixtures import MakeTree, RunPartita
    from partita.outline import Memory

pytestmark = pytest.mark.usefixtures("plain_git")

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def project(name: str, *dependencies: str, dev: tuple[str, ...] = ()) -> str:
    groups = f"[dependency-groups]\ndev = {list(dev)!r}\n" if dev else ""
    return f"[project]\nname = '{name}'\ndependencies = {list(dependencies)!r}\n{groups}"


FILES = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n",
    "packages/lib/pyproject.toml": project("Bot.Lib"),
    "packages/lib/src/botlib/ids.py": "",
    "packages/state/pyproject.toml": project("botstate", "bot-lib>=1"),
    "packages/state/tests/test_state.py": "",
    "packages/core/pyproject.toml": project("botcore", "botstate", dev=("bot_lib",)),
    "packages/core/src/botcore/app.py": "import botother\n",
    "packages/other/pyproject.toml": project("botother"),
    "packages/other/src/botother/__init__.py": "",
}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message=all")


@pytest.fixture
def root(make_tree: MakeTree) -> Path:
    """A workspace on the branch `work`, equal to `main` so far."""
    folder = make_tree(FILES)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    git(folder, "switch", "--quiet", "--create", "work")
    return folder


@pytest.fixture
def affected(partita: RunPartita, root: Path) -> Any:
    """The document that `affected --json` prints, valid."""

    def ask(*words: str | Path) -> Any:
        ran = partita("affected", "--json", *(words or ("--root", root)))
        assert (ran.code, ran.err) == (0, "")
        document = json.loads(ran.out)
        jsonschema.validate(document, json.loads((REFERENCE / "affected.schema.json").read_text()))
        return document

    return ask


def names(document: Any) -> list[str]:
    assert document["because"] is None
    return [member["name"] for member in document["members"]]


def test_the_document_holds_each_member_with_the_way_to_it(affected: Any, root: Path) -> None:
    (root / "packages/lib/src/botlib/ids.py").write_text("x = 1\n")

    first = "packages/lib/src/botlib/ids.py changed (module botlib.ids)"
    second = "botstate requires bot-lib (runtime, packages/state/pyproject.toml:3)"
    assert affected() == {
        "schema": 1,
        "base": "main",
        "everything": False,
        "because": None,
        "members": [
            {"name": "bot-lib", "reason": [first]},
            {
                "name": "botcore",
                "reason": [first, second, "botcore requires botstate (runtime, packages/core/pyproject.toml:3)"],
            },
            {"name": "botstate", "reason": [first, second]},
        ],
    }


def test_nothing_changed_reaches_nobody(affected: Any, partita: RunPartita, root: Path) -> None:
    assert names(affected()) == []
    assert partita("affected", "--root", root).out == "nothing affected by what changed since main\n"


def test_the_text_names_the_members_and_explains_them_when_asked(partita: RunPartita, root: Path) -> None:
    (root / "packages/state/tests/test_state.py").write_text("x = 1\n")

    assert partita("affected", "--root", root, "--base", "main") == (
        0,
        "1 of 4 members affected by what changed since main\n  botstate\n",
        "",
    )
    assert partita("affected", "--root", root, "--explain").out == (
        "1 of 4 members affected by what changed since main\n"
        "  botstate\n"
        "      packages/state/tests/test_state.py changed\n"
    )


def test_everything_says_why(affected: Any, partita: RunPartita, root: Path) -> None:
    (root / "Makefile").write_text("")

    document = affected()

    assert (document["everything"], document["because"]) == (True, "Makefile belongs to no member alone")
    assert [member["name"] for member in document["members"]] == ["bot-lib", "botcore", "botother", "botstate"]
    assert partita("affected", "--root", root, "--explain").out.splitlines()[:2] == [
        "everything, because Makefile belongs to no member alone",
        "  bot-lib",
    ]


def test_imports_that_nobody_declared_are_followed_when_asked(affected: Any, root: Path) -> None:
    (root / "packages/other/src/botother/__init__.py").write_text("x = 1\n")

    assert names(affected()) == ["botother"]
    document = affected("--root", root, "--imports")
    assert names(document) == ["botcore", "botother"]
    assert (
        document["members"][0]["reason"][1] == "botcore imports botother (import, packages/core/src/botcore/app.py:1)"
    )


def test_the_root_is_found_upward_and_may_lie_within_the_repository(
    affected: Any, make_tree: MakeTree, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(FILES, "repository/sub")
    commit(root)
    (root / "sub/packages/state/new.txt").write_text("")
    (root / "packages/other/new.txt").write_text("")
    monkeypatch.chdir(root / "sub/packages/state")

    assert names(affected("--base", "HEAD")) == ["botcore", "botstate"]


def test_the_workspace_may_be_reached_through_a_link(affected: Any, root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    (root / "packages/core/README.md").write_text("")

    assert names(affected("--root", link)) == ["botcore"]


def test_a_shallow_clone_is_everything(affected: Any, root: Path) -> None:
    (root / "packages/core/README.md").write_text("")
    commit(root)
    git(root.parent, "clone", "--quiet", "--depth=1", f"file://{root}", "shallow")

    document = affected("--root", root.parent / "shallow", "--base", "main")

    assert document["because"] == "this shallow clone does not hold main"
    assert len(document["members"]) == 4


@pytest.mark.parametrize("command", ["affected", "matrix"])
def test_an_unknown_base_is_a_usage_error(partita: RunPartita, root: Path, command: str) -> None:
    assert partita(command, "--root", root, "--base", "nope") == (
        2,
        "",
        "partita: --base nope: git knows no such commit; fetch it, or name a branch, a tag or a commit\n",
    )


def test_without_a_repository_or_without_git_there_is_a_sentence(
    partita: RunPartita, make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = make_tree(FILES, "plain")

    assert partita("affected", "--root", plain).code == 2
    monkeypatch.setenv("PATH", "")
    ran = partita("affected", "--root", plain)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "partita: git is not installed; what a change affects is read from git's history\n"


# What is remembered of the members.


def remembered(root: Path) -> Memory:
    memory = recall(str(root), is_root=True)
    assert memory is not None
    return memory


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change times of this very moment count as old: no test waits for a clock."""
    monkeypatch.setattr(outline, "is_racy", lambda stamp, read_at: False)  # noqa: ARG005


@pytest.mark.usefixtures("trusted")
def test_members_are_remembered_until_a_manifest_changes(affected: Any, root: Path) -> None:
    (root / "packages/other/new.txt").write_text("")
    fresh = affected()

    memory = remembered(root)
    assert [member.name for member in memory.members] == ["bot-lib", "botcore", "botother", "botstate"]
    assert memory.is_fresh()
    assert affected() == fresh

    (root / "packages/state/pyproject.toml").write_text(project("botstate", "botother"))
    assert not remembered(root).is_fresh()
    assert names(affected()) == ["botcore", "botother", "botstate"]


@pytest.mark.usefixtures("trusted")
def test_a_new_member_is_seen_though_others_are_remembered(affected: Any, root: Path) -> None:
    affected()
    (root / "packages/new").mkdir()
    (root / "packages/new/pyproject.toml").write_text(project("botnew"))

    assert names(affected()) == ["botnew"]


@pytest.mark.usefixtures("trusted")
def test_another_root_is_found_though_one_is_remembered(
    affected: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "packages/lib/README.md").write_text("")
    monkeypatch.chdir(root / "packages/lib")
    assert names(affected("--base", "main")) == ["bot-lib"]
    (root / "packages/lib/workspace.toml").write_text("schema = 1\n")

    document = affected("--base", "main")

    assert document["because"] == "workspace.toml belongs to no member alone"
    assert [member["name"] for member in document["members"]] == ["bot-lib"]


@pytest.mark.usefixtures("trusted")
def test_without_the_cache_nothing_is_remembered(affected: Any, root: Path) -> None:
    affected("--root", root, "--no-cache")

    assert recall(str(root), is_root=True) is None


# The matrix.


def matrix(partita: RunPartita, *words: str | Path) -> tuple[Any, str]:
    ran = partita("matrix", *words)
    assert ran.code == 0
    assert ran.out.count("\n") == 1
    document = json.loads(ran.out)
    jsonschema.validate(document, json.loads((REFERENCE / "matrix.schema.json").read_text()))
    return document, ran.err


def test_the_matrix_has_one_entry_for_each_member(partita: RunPartita, root: Path) -> None:
    entries, told = matrix(partita, "--root", root)

    assert told == ""
    assert entries == [
        {"name": name, "session": f"tests-{name}", "member": member, "folder": f"packages/{name}"}
        for name, member in (("core", "botcore"), ("lib", "bot-lib"), ("other", "botother"), ("state", "botstate"))
    ]


def test_the_matrix_of_a_base_has_what_is_affected_and_the_log_tells_how(partita: RunPartita, root: Path) -> None:
    assert matrix(partita, "--root", root, "--base", "main") == ([], "nothing affected by what changed since main\n")

    (root / "packages/state/new.txt").write_text("")
    entries, told = matrix(partita, "--root", root, "--base", "main")

    assert [entry["session"] for entry in entries] == ["tests-core", "tests-state"]
    assert told == "2 of 4 members affected by what changed since main\n"


def test_shards_are_packed_by_the_durations_of_the_repository(partita: RunPartita, root: Path) -> None:
    (root / "durations.json").write_text(json.dumps({"schema": 1, "seconds": {"tests-core": 9, "tests-lib": 1}}))

    entries, _ = matrix(partita, "--root", root, "--shards", "2")

    assert [entry["sessions"] for entry in entries] == ["tests-core tests-state", "tests-lib tests-other"]


@pytest.mark.parametrize("shards", ["0", "-1", "many"])
def test_a_number_of_shards_that_is_none_is_a_usage_error(partita: RunPartita, root: Path, shards: str) -> None:
    ran = partita("matrix", "--root", root, "--shards", shards)

    assert (ran.code, ran.out) == (2, "")
    assert "--shards" in ran.err


def test_a_session_keeps_its_name_when_only_some_members_run(partita: RunPartita, root: Path) -> None:
    for folder in ("tools/lib", "packages/lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = ['packages/*', 'tools/*']\n")
    (root / "tools/lib/pyproject.toml").write_text(project("toollib"))
    commit(root)
    (root / "tools/lib/new.txt").write_text("")

    entries, _ = matrix(partita, "--root", root, "--base", "HEAD")

    assert [entry["session"] for entry in entries] == ["tests-tools-lib"]

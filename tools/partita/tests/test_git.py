from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from partita import git
from partita.errors import PartitaError

if TYPE_CHECKING:
    from pathlib import Path

    from partita.fixtures import MakeTree

pytestmark = pytest.mark.usefixtures("plain_git")


def run(folder: Path, *arguments: str) -> str:
    output = git.run(str(folder), *arguments)
    assert output.code == 0, output
    return os.fsdecode(output.content).strip()


def commit_all(folder: Path) -> None:
    run(folder, "init", "--quiet", "--initial-branch=main")
    run(folder, "add", "--all")
    run(folder, "commit", "--quiet", "--allow-empty", "--message=all")


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_output_complaint_and_code_are_told(tmp_path: Path) -> None:
    assert git.run(str(tmp_path), "rev-parse", "--git-dir") == git.Output(
        128, b"", "fatal: not a git repository (or any of the parent directories): .git"
    )


def test_a_long_complaint_beside_a_long_output_does_not_block(make_tree: MakeTree) -> None:
    root = make_tree({f"{number:04}-{'x' * 150}": "a\n" for number in range(600)})
    commit_all(root)
    for file in root.glob("0*"):
        file.write_bytes(b"a\r\nb\r\n")

    output = git.run(str(root), "-c", "core.autocrlf=input", "-c", "core.safecrlf=warn", "diff")

    assert len(output.complaint) > 1 << 16
    assert len(output.content) > 1 << 16


def test_nothing_is_left_open_or_running(make_tree: MakeTree) -> None:
    root = make_tree({"a": "a"})
    commit_all(root)
    before = open_descriptors()

    git.run(str(root), "status")
    running = git.Running(str(root), "cat-file", "--batch")
    running.cancel()
    running.cancel()

    assert running.finish() == git.Output(-signal.SIGTERM, b"", "cancelled") or running.finish().code == 0
    assert open_descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(running._process, os.WNOHANG)


def test_without_git_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    before = open_descriptors()

    with pytest.raises(PartitaError, match="git is not installed"):
        git.run(str(tmp_path), "status")

    assert open_descriptors() == before


def test_the_repository_is_that_of_the_folder_whatever_a_hook_says(
    make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, other = make_tree({"a": "a"}), make_tree({"b": "b"}, "other")
    commit_all(root)
    commit_all(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/none")

    assert run(root, "ls-files") == "a"


def test_the_usual_base_is_the_default_branch_of_origin_else_main_or_master(make_tree: MakeTree) -> None:
    root = make_tree({"a": "a"})
    commit_all(root)

    found = [git.find_usual_base(str(root))]
    for command in (
        ("branch", "--move", "master"),
        ("update-ref", "refs/remotes/origin/master", "HEAD"),
        ("update-ref", "refs/remotes/origin/main", "HEAD"),
        ("update-ref", "refs/remotes/origin/trunk", "HEAD"),
        ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"),
    ):
        run(root, *command)
        found.append(git.find_usual_base(str(root)))

    assert found == ["main", "master", "origin/master", "origin/main", "origin/main", "origin/trunk"]


def test_without_any_usual_branch_there_is_no_base(make_tree: MakeTree) -> None:
    root = make_tree({"a": "a"})
    commit_all(root)
    run(root, "branch", "--move", "work")

    assert git.find_usual_base(str(root)) is None


def test_many_blobs_are_read_whatever_they_hold(make_tree: MakeTree) -> None:
    contents = {f"{number}": b"\n" * number + b"\0missing\n" for number in range(2000)}
    root = make_tree(contents)
    commit_all(root)
    ids = [line.split()[1] for line in run(root, "ls-files", "--stage").splitlines()]

    found = git.read_blobs(str(root), [*ids, *ids, "0" * 40])

    assert sorted(found) == sorted(ids)
    assert sorted(found.values()) == sorted(contents.values())
    assert git.read_blobs(str(root), []) == {}


def test_dirty_is_what_no_commit_holds(make_tree: MakeTree) -> None:
    root = make_tree(
        {".gitignore": "ignored\n", "sub/clean": "a", "sub/edited": "a", "sub/staged [x]": "a", "above": "a"}
    )
    commit_all(root)
    for name in ("sub/edited", "sub/staged [x]", "sub/new", "sub/ignored", "above"):
        (root / name).write_text("b")
    run(root, "add", "sub/staged [x]")
    paths = ["clean", "edited", "staged [x]", "new", "ignored", "absent"]

    assert git.dirty_files(str(root / "sub"), paths) == ("edited", "ignored", "new", "staged [x]")
    assert git.dirty_files(str(root), []) == ()


def test_outside_a_repository_nothing_is_dirty(make_tree: MakeTree) -> None:
    assert git.dirty_files(str(make_tree({"a": "a"})), ["a"]) == ()


def test_a_repository_that_git_refuses_is_an_error(make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_tree({"a": "a"})
    commit_all(root)
    (root / ".git/index").write_bytes(b"nonsense")
    with pytest.raises(PartitaError, match="git cannot read this repository"):
        git.dirty_files(str(root), ["a"])

    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(PartitaError, match="detected dubious ownership"):
        git.dirty_files(str(root), ["a"])

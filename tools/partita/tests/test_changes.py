"""What changed, asked of real repositories. Each trap has a broken twin that its test must catch."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita import changes as changes_module
from partita import git
from partita.changes import Change, Changes, Comparison, read_versions
from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from partita.fixtures import MakeTree

pytestmark = pytest.mark.usefixtures("plain_git")


class Repository:
    """A repository with one commit on `main`, whose work tree is on the branch `work`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("first")
        self.git("switch", "--quiet", "--create", "work")

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        return subprocess.run(command, cwd=folder or self.folder, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")

    def write(self, files: Mapping[str, str]) -> None:
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(content)


@pytest.fixture
def repository(make_tree: MakeTree) -> Repository:
    return Repository(make_tree({"a/one": "1\n" * 50, "a/two": "2\n", "b/three": "3\n", ".gitignore": "ignored/\n"}))


def compare(root: Path, base: str | None = "main", paths: Sequence[str] = ()) -> Changes:
    with Comparison(str(root), base) as comparison:
        return comparison.changes(paths)


def paths(found: Changes) -> list[str]:
    assert found.because is None, found.because
    return [change.path for change in found.files]


def commit_edit(repository: Repository) -> None:
    repository.write({"a/two": "more\n"})
    repository.commit("edit")


def test_nothing_changed_is_nothing(repository: Repository) -> None:
    assert compare(repository.folder) == Changes("main", None)


def test_committed_staged_unstaged_and_untracked_files_count_and_ignored_ones_do_not(repository: Repository) -> None:
    commit_edit(repository)
    repository.write({"b/three": "staged\n"})
    repository.git("add", "--all")
    repository.write({"a/one": "unstaged\n", "c/new": "untracked\n", "ignored/x": "ignored\n"})

    found = compare(repository.folder)

    assert paths(found) == ["a/one", "a/two", "b/three", "c/new"]
    assert [change.before is None for change in found.files] == [False, False, False, True]


def test_both_places_of_a_rename_count(repository: Repository) -> None:
    repository.git("mv", "a/one", "b/one")
    repository.commit("move")

    assert paths(compare(repository.folder)) == ["a/one", "b/one"]


def test_a_deleted_file_counts(repository: Repository) -> None:
    (repository.folder / "a/one").unlink()

    assert paths(compare(repository.folder)) == ["a/one"]


def test_a_file_that_only_the_index_lost_counts_once_with_what_it_was(repository: Repository) -> None:
    before = repository.git("rev-parse", "HEAD:a/one").strip()
    repository.git("rm", "--quiet", "--cached", "a/one")
    (repository.folder / "a/one").write_text("now\n")

    assert compare(repository.folder).files == (Change("a/one", before),)


def test_a_file_in_conflict_counts_once_with_what_it_was(repository: Repository) -> None:
    before = repository.git("rev-parse", "HEAD:a/two").strip()
    repository.git("switch", "--quiet", "--create", "other")
    commit_edit(repository)
    repository.git("switch", "--quiet", "work")
    repository.write({"a/two": "mine\n"})
    repository.commit("mine")
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("merge", "--quiet", "other")

    assert compare(repository.folder).files == (Change("a/two", before),)


def test_what_only_looks_changed_does_not_count(repository: Repository) -> None:
    os.utime(repository.folder / "a/one", (1, 1))

    assert paths(compare(repository.folder)) == []


def test_what_main_did_since_does_not_count(repository: Repository) -> None:
    commit_edit(repository)
    repository.git("switch", "--quiet", "main")
    repository.write({"b/three": "main\n"})
    repository.commit("on main")
    repository.git("switch", "--quiet", "work")

    assert paths(compare(repository.folder)) == ["a/two"]


def test_a_detached_head_is_as_good_as_a_branch(repository: Repository) -> None:
    commit_edit(repository)
    repository.git("switch", "--quiet", "--detach", "HEAD")

    assert paths(compare(repository.folder)) == ["a/two"]


def test_another_work_tree_of_the_repository_has_its_own_changes(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "--quiet", str(tmp_path / "second"), "-b", "second", "main")
    (tmp_path / "second/b/three").write_text("second\n")
    commit_edit(repository)

    assert paths(compare(tmp_path / "second")) == ["b/three"]
    assert paths(compare(repository.folder)) == ["a/two"]


def test_paths_are_relative_to_the_folder_asked_about_and_others_are_left_out(repository: Repository) -> None:
    repository.write({"a/one": "x\n", "a/new": "x\n", "b/three": "x\n"})

    assert paths(compare(repository.folder / "a")) == ["new", "one"]


def test_any_name_a_file_can_have_is_told_as_it_is(repository: Repository) -> None:
    names = [
        " leading",
        "new\nline",
        "tab\there",
        '"quoted"',
        "naïve",
        "-dash",
        "? mark",
        "H 100644 0\tx",
        ":(glob)*",
        "a 120000 b",
    ]
    repository.write({f"a/{name}": "x" for name in names[::2]})
    repository.commit("strange names")
    repository.write({f"a/{name}": "x" for name in names[1::2]})
    with open(os.fsencode(repository.folder) + b"/a/\xff\xfe", "wb"):
        pass

    found = compare(repository.folder)

    assert paths(found) == sorted([*(f"a/{name}" for name in names), "a/\udcff\udcfe"])
    assert found.links == ()


def test_a_submodule_counts_when_it_moved_and_when_it_is_dirty(repository: Repository, make_tree: MakeTree) -> None:
    other = Repository(make_tree({"x": "x"}, "other"))
    repository.git("switch", "--quiet", "main")
    repository.git("submodule", "--quiet", "add", str(other.folder), "vendor/other")
    repository.commit("add a submodule")
    repository.git("switch", "--quiet", "work")
    repository.git("merge", "--quiet", "main")
    repository.git("submodule", "--quiet", "update", "--init")

    clean = compare(repository.folder, "main", ["vendor/other/x"])
    (repository.folder / "vendor/other/new").write_text("")
    dirty = compare(repository.folder)
    repository.git("add", "--all", folder=repository.folder / "vendor/other")
    repository.git("commit", "--quiet", "--message=new", folder=repository.folder / "vendor/other")
    moved = compare(repository.folder)

    assert (clean.files, clean.unseen) == ((), ())
    assert dirty.files == moved.files == (Change("vendor/other/", None),)


def test_a_repository_within_counts_as_one_folder(repository: Repository, make_tree: MakeTree) -> None:
    Repository(make_tree({"x": "x"}, "repository/nested"))

    found = compare(repository.folder, "main", ["nested/x"])

    assert (found.files, found.unseen) == ((Change("nested/", None),), ())


def test_links_within_the_folder_are_told_with_what_they_lead_to(repository: Repository) -> None:
    links = {"b/file": "../a/one", "b/folder": "../a", "b/out": "/etc", "b/up": "../../elsewhere", "b/self": "."}
    for link, target in links.items():
        (repository.folder / link).symlink_to(target)
    repository.commit("links")

    found = compare(repository.folder, "main", ["b/folder/one", "b/out/passwd"])
    assert (found.links, found.unseen) == ((("b/file", "a/one"), ("b/folder", "a")), ("b/out/passwd",))
    assert compare(repository.folder / "b").links == ()


def test_a_link_to_a_link_is_told_with_where_it_ends(repository: Repository) -> None:
    (repository.folder / "b/second").symlink_to("first/two")
    (repository.folder / "b/first").symlink_to("../a")
    repository.commit("links")

    assert compare(repository.folder).links == (("b/first", "a"), ("b/second", "a/two"))


def test_what_git_ignores_is_told(repository: Repository) -> None:
    repository.write({"ignored/x": "", "new": ""})

    assert compare(repository.folder, "main", ["new", "ignored/x", "a/two", "a/one", "absent"]).unseen == (
        "absent",
        "ignored/x",
    )


def test_the_contents_at_the_base_and_now_can_be_read(repository: Repository) -> None:
    repository.write({"a/two": "now\n", "new": "new\n"})
    (repository.folder / "b/three").unlink()

    assert read_versions(str(repository.folder), compare(repository.folder).files) == {
        "a/two": (b"2\n", b"now\n"),
        "b/three": (b"3\n", None),
        "new": (None, b"new\n"),
    }


def test_a_content_that_git_has_lost_is_an_error(repository: Repository) -> None:
    with pytest.raises(PartitaError, match="git has lost, or cannot fetch, what was in a at the base"):
        read_versions(str(repository.folder), [Change("a", "0" * 39 + "1")])


PLACES = st.sampled_from(["a/one", "a/two", "b/three", "c", "d/e/f"])
STEPS = st.one_of(
    st.tuples(st.just("write"), PLACES, st.sampled_from(["1\n" * 50, "2\n", "3\n", "other\n"])),
    st.tuples(st.just("delete"), PLACES, st.just("")),
    st.tuples(st.just("move"), PLACES, PLACES),
    st.tuples(st.sampled_from(["stage", "commit"]), st.just(""), st.just("")),
)


def take(repository: Repository, step: tuple[str, str, str]) -> None:
    action, path, argument = step
    file = repository.folder / path
    if action == "write":
        repository.write({path: argument})
    elif action == "delete":
        file.unlink(missing_ok=True)
    elif action == "move" and file.exists():
        repository.write({argument: file.read_text()})
        if argument != path:
            file.unlink()
    elif action == "stage":
        repository.git("add", "--all")
    elif action == "commit":
        repository.commit("a step")


def read_files(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file() and ".git" not in file.parts)
    return {str(file.relative_to(folder)): file.read_text() for file in files}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=8))
def test_whatever_was_done_what_differs_is_what_is_told(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("repository")
    for path, content in {"a/one": "1\n" * 50, "a/two": "2\n", "b/three": "3\n"}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content)
    repository = Repository(folder)
    before = read_files(folder)

    for step in steps:
        take(repository, step)

    now = read_files(folder)
    assert paths(compare(folder)) == sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


# Bases.


def test_without_a_base_the_usual_one_is_taken(repository: Repository) -> None:
    commit_edit(repository)

    found = compare(repository.folder, None)

    assert (found.base, paths(found)) == ("main", ["a/two"])


def test_without_a_usual_base_it_cannot_be_told(repository: Repository) -> None:
    repository.git("branch", "--delete", "--force", "main")

    assert compare(repository.folder, None) == Changes(
        None, "there is no main branch to compare with: name a commit with --base"
    )


@pytest.mark.parametrize("base", ["nope", "", "-x", "--output=x", "main..work", "HEAD:a", "HEAD^{tree}", "0" * 40])
def test_an_unknown_base_is_an_error(repository: Repository, base: str) -> None:
    with pytest.raises(PartitaError) as caught:
        compare(repository.folder, base)

    assert str(caught.value) == (
        f"--base {base}: git knows no such commit; fetch it, or name a branch, a tag or a commit"
    )
    assert paths(compare(repository.folder)) == []


@pytest.mark.parametrize("base", ["HEAD~1", "v1", "a"])
def test_a_base_may_be_any_commit_even_one_named_like_a_folder(repository: Repository, base: str) -> None:
    repository.git("tag", "--annotate", "v1", "--message=v1")
    repository.git("branch", "a")
    commit_edit(repository)

    assert paths(compare(repository.folder, base)) == ["a/two"]


def test_histories_without_a_common_commit_cannot_be_compared(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit("unrelated")

    assert compare(repository.folder).because == "main and the work tree have no commit in common"


def test_a_branch_without_a_commit_cannot_be_compared(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--orphan", "empty")

    because = compare(repository.folder).because

    assert because is not None
    assert because.startswith("main and the work tree have no commit in common: ")


def test_one_of_several_merge_bases_is_taken(repository: Repository) -> None:
    for branch, file in (("left", "a/two"), ("right", "b/three")):
        repository.git("switch", "--quiet", "--create", branch, "main")
        repository.write({file: branch})
        repository.commit(branch)
        repository.git("tag", f"first-{branch}")
    for branch, other in (("left", "first-right"), ("right", "first-left")):
        repository.git("switch", "--quiet", branch)
        repository.git("merge", "--quiet", "--message=merge", other)
    assert len(repository.git("merge-base", "--all", "left", "right").split()) == 2
    repository.write({"c": "new"})

    assert paths(compare(repository.folder, "left")) in (["a/two", "c"], ["b/three", "c"])


def test_outside_a_repository_there_is_a_sentence(make_tree: MakeTree) -> None:
    root = make_tree({"a": ""})

    for base in ("main", None):
        with pytest.raises(PartitaError) as caught:
            compare(root, base)
        assert str(caught.value) == f"{root}: not in a git repository; what a change affects is read from git's history"


def test_a_repository_of_somebody_else_is_refused_in_the_words_of_git(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(PartitaError, match="git cannot read this repository: detected dubious ownership"):
        compare(repository.folder)


def test_the_folder_of_a_repository_itself_is_no_work_tree(repository: Repository) -> None:
    with pytest.raises(PartitaError, match="git cannot read this repository: this operation must be run in a work"):
        compare(repository.folder / ".git")


def test_an_error_elsewhere_leaves_no_git_behind(repository: Repository) -> None:
    with pytest.raises(KeyError), Comparison(str(repository.folder), "main") as comparison:
        raise KeyError

    for running in (comparison._listing, comparison._difference):
        assert running is not None
        with pytest.raises(ChildProcessError):
            os.waitpid(running._process, os.WNOHANG)


# Shallow clones.


def clone(repository: Repository, folder: Path, *options: str) -> Path:
    repository.git("clone", "--quiet", *options, f"file://{repository.folder}", str(folder), folder=folder.parent)
    return folder


def test_a_shallow_clone_without_the_base_cannot_be_compared(repository: Repository, tmp_path: Path) -> None:
    commit_edit(repository)
    shallow = clone(repository, tmp_path / "shallow", "--depth=1")

    assert compare(shallow, "main") == Changes("main", "this shallow clone does not hold main")


def test_a_shallow_clone_whose_history_ends_too_early_cannot_be_compared(
    repository: Repository, tmp_path: Path
) -> None:
    commit_edit(repository)
    shallow = clone(repository, tmp_path / "shallow", "--depth=1", "--no-single-branch")

    assert compare(shallow, "origin/main").because == (
        "origin/main and the work tree have no commit in common of which this shallow clone knows"
    )


def test_a_shallow_clone_that_is_deep_enough_can_be_compared(repository: Repository, tmp_path: Path) -> None:
    commit_edit(repository)
    shallow = clone(repository, tmp_path / "shallow", "--depth=2", "--no-single-branch")

    assert paths(compare(shallow, "origin/main")) == ["a/two"]


# Broken twins.


def replace(name: str, *, drop: Iterable[str] = (), add: Iterable[str] = ()) -> Callable[[pytest.MonkeyPatch], None]:
    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        arguments = tuple(item for item in getattr(changes_module, name) if item not in {*drop})
        monkeypatch.setattr(changes_module, name, (*arguments, *add))

    return apply


def follow_renames(monkeypatch: pytest.MonkeyPatch) -> None:
    replace("_DIFFERENCE", drop=["--raw", "--no-renames"], add=["--name-only", "--find-renames"])(monkeypatch)
    monkeypatch.setattr(
        changes_module,
        "_differing",
        lambda content: (Change(os.fsdecode(path), "id") for path in content.split(b"\0") if path),
    )


def silence_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "_compare_in_steps", lambda *_: git.Output(0, b"", ""))


TWINS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Callable[..., None]]] = {
    "takes a rename for its new place": (follow_renames, test_both_places_of_a_rename_count),
    "ignores untracked files": (
        replace("_LISTING", drop=["--others"]),
        test_committed_staged_unstaged_and_untracked_files_count_and_ignored_ones_do_not,
    ),
    "sees commits only": (
        replace("_DIFFERENCE", add=["--cached"]),
        test_committed_staged_unstaged_and_untracked_files_count_and_ignored_ones_do_not,
    ),
    "counts ignored files": (
        replace("_LISTING", drop=["--exclude-standard"]),
        test_committed_staged_unstaged_and_untracked_files_count_and_ignored_ones_do_not,
    ),
    "sees all of the repository": (
        replace("_DIFFERENCE", drop=["--relative"]),
        test_paths_are_relative_to_the_folder_asked_about_and_others_are_left_out,
    ),
    "takes a failure for no change": (silence_failures, test_histories_without_a_common_commit_cannot_be_compared),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_broken_twin_is_caught(name: str, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    twin, test = TWINS[name]
    twin(monkeypatch)

    with pytest.raises(AssertionError):
        test(repository)


def test_a_twin_that_takes_a_shallow_clone_for_no_change_is_caught(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence_failures(monkeypatch)

    with pytest.raises(AssertionError):
        test_a_shallow_clone_without_the_base_cannot_be_compared(repository, tmp_path)

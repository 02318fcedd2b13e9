"""The pure part of `affected`: small workspaces in, members with their reasons out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from partita import affected as affected_module
from partita import territory
from partita.affected import Affected, Link, Reached, find_affected, find_telling_files
from partita.changes import Change, Changes
from partita.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from partita.changes import Versions


def member(name: str, *needs: str, folder: str = "", import_root: str = "") -> Outline:
    """A member in `packages/NAME`, with a `src` folder; a need is `name` or `name:kind`."""
    folder = folder or f"packages/{name}"
    pairs = [need.partition(":")[::2] for need in needs]
    lines = [(needed, kind or "runtime", number) for number, (needed, kind) in enumerate(pairs, 1)]
    return Outline(
        name, folder, f"{folder}/pyproject.toml".removeprefix("./"), import_root or f"{folder}/src", tuple(lines)
    )


def find(
    members: Sequence[Outline],
    *paths: str,
    versions: Mapping[str, tuple[str | None, str | None]] | None = None,
    links: Iterable[tuple[str, str]] = (),
    new: Iterable[str] = (),
) -> Affected:
    contents: dict[str, Versions] = {}
    for path, (before, after) in (versions or {}).items():
        contents[path] = (
            before.encode() if before is not None else None,
            after.encode() if after is not None else None,
        )
    changed = [Change(path, None if path in [*new] else "id") for path in sorted({*paths, *contents})]
    return find_affected(members, Changes("main", None, tuple(changed), tuple(links)), contents)


def names(found: Affected) -> list[str]:
    assert found.because is None, found.because
    return [reached.name for reached in found.members]


def project(name: str) -> str:
    return f"[project]\nname = '{name}'\n"


LINE = (member("lib"), member("state", "lib"), member("core", "state"), member("other"))


def test_a_change_reaches_dependents_and_each_step_of_the_reason_is_told() -> None:
    found = find(LINE, "packages/lib/src/lib/ids/new.py")

    first = "packages/lib/src/lib/ids/new.py changed (module lib.ids.new)"
    second = "state requires lib (runtime, packages/state/pyproject.toml:1)"
    third = "core requires state (runtime, packages/core/pyproject.toml:1)"
    assert found == Affected(
        "main",
        None,
        (Reached("lib", (first,)), Reached("state", (first, second)), Reached("core", (first, second, third))),
    )


def test_several_files_are_told_by_the_first_and_their_number() -> None:
    found = find(LINE, "packages/other/src/other/b.py", "packages/other/pyproject.toml", "packages/other/setup.cfg")

    assert found.members == (Reached("other", ("packages/other/pyproject.toml changed, and 2 more",)),)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("packages/lib/src/lib/data.json", ["lib", "state", "core"]),
        ("packages/lib/src/lib/README.md", ["lib", "state", "core"]),
        ("packages/lib/src/lib/tests/test_a.py", ["lib", "state", "core"]),
        ("packages/lib/pyproject.toml", ["lib", "state", "core"]),
        ("packages/lib/hatch_build.py", ["lib", "state", "core"]),
        ("packages/lib/scripts/build.py", ["lib", "state", "core"]),
        ("packages/lib/tests/test_a.py", ["lib"]),
        ("packages/lib/test/data/x.md", ["lib"]),
        ("packages/lib/docs/conf.py", ["lib"]),
        ("packages/lib/examples/a.py", ["lib"]),
        ("packages/lib/README.md", ["lib"]),
        ("packages/lib/LICENSE", ["lib"]),
        ("packages/lib/changelog.txt", ["lib"]),
        ("packages/lib/requirements.txt", ["lib", "state", "core"]),
        ("README.md", []),
        ("LICENSE", []),
        ("docs/how/to.rst", []),
        ("docs/picture.SVG", []),
        (".github/template.md", []),
        ("durations.json", []),
        ("workspace-todo.toml", []),
    ],
)
def test_how_far_a_file_reaches_depends_on_who_gets_it(path: str, expected: list[str]) -> None:
    assert names(find(LINE, path)) == expected


@pytest.mark.parametrize(
    "path",
    [
        "noxfile.py",
        "pyproject.toml",
        "workspace.toml",
        ".ci/run",
        "docs/conf.py",
        "prompts/system.md",
        "packages/x.py",
        "tests/a.py",
    ],
)
def test_a_file_of_nobody_may_concern_everybody(path: str) -> None:
    found = find(LINE, path, "packages/other/src/a.py")

    assert found.because == f"{path} belongs to no member alone"
    assert found.members == tuple(Reached(item.name, (found.because,)) for item in LINE)


def test_a_flat_member_passes_on_all_but_its_tests_docs_and_documents() -> None:
    flat = (member("lib", import_root="packages/lib"), member("state", "lib"))

    assert find(flat, "packages/lib/lib/a.py").members[0].reason == ("packages/lib/lib/a.py changed (module lib.a)",)
    assert names(find(flat, "packages/lib/lib/prompt.md")) == ["lib", "state"]
    assert find(flat, "packages/lib/tests/a.py").members == (Reached("lib", ("packages/lib/tests/a.py changed",)),)


ROOTED = (member("whole", "lib", folder=".", import_root="."), member("lib"), member("user", "whole"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/test_all.py", ["whole"]),
        ("README.md", ["whole"]),
        ("docs/a.md", ["whole"]),
        ("whole/core.py", ["whole", "user"]),
        ("packages/lib/src/lib/a.py", ["whole", "lib", "user"]),
    ],
)
def test_the_root_owns_its_package_its_tests_and_its_documents(path: str, expected: list[str]) -> None:
    assert names(find(ROOTED, path)) == expected


@pytest.mark.parametrize("path", ["noxfile.py", "conftest.py", "tools/release.py", "docs/a.json", "examples/a.py"])
def test_whatever_else_stands_at_the_root_is_shared_even_if_the_root_is_a_member(path: str) -> None:
    assert find(ROOTED, path).because == f"{path} belongs to no member alone"


def test_a_root_with_a_src_folder_has_its_modules_there() -> None:
    rooted = (member("whole", folder=".", import_root="src"), member("user", "whole"))

    assert find(rooted, "src/whole/a.py").members[0].reason == ("src/whole/a.py changed (module whole.a)",)
    assert names(find(rooted, "src/whole/a.py")) == ["whole", "user"]


def test_a_file_belongs_to_the_innermost_member() -> None:
    nested = (member("outer"), member("inner", folder="packages/outer/plugins/inner"))

    assert names(find(nested, "packages/outer/plugins/inner/src/a.py")) == ["inner"]
    assert names(find(nested, "packages/outer/plugins/a.py")) == ["outer"]


def test_only_a_dev_dependency_does_not_pass_a_change_on() -> None:
    members = (
        member("lib"),
        member("a", "lib:dev"),
        member("b", "lib:optional"),
        member("c", "lib:build"),
        *(member(f"user-of-{name}", name) for name in "abc"),
        member("both", "lib:dev", "lib"),
        member("user-of-both", "both"),
    )

    assert names(find(members, "packages/lib/src/a.py")) == [
        *["lib", "a", "b", "c", "user-of-b", "user-of-c", "both", "user-of-both"]
    ]


def test_a_member_with_dynamic_dependencies_may_need_any_other_that_changed() -> None:
    members = (*LINE, member("hidden")._replace(is_dynamic=True), member("user", "hidden"))

    assert names(find(members, "packages/lib/tests/a.py")) == ["lib"]
    assert names(find(members, "packages/hidden/src/a.py")) == ["hidden", "user"]
    assert names(find(members, "packages/other/src/a.py")) == ["other", "hidden", "user"]
    assert find(members, "packages/other/src/a.py").members[1].reason[1] == (
        "hidden may require other (dynamic dependencies in packages/hidden/pyproject.toml)"
    )


def test_a_test_that_changed_does_not_reach_who_uses_the_member_in_tests() -> None:
    assert names(find((member("lib"), member("a", "lib:dev")), "packages/lib/tests/a.py")) == ["lib"]


def test_cycles_come_to_an_end_with_a_shortest_reason_for_each() -> None:
    ring = (member("a", "c"), member("b", "a"), member("c", "b", "a"))

    found = find(ring, "packages/a/src/a.py")

    assert [len(reached.reason) for reached in found.members] == [1, 2, 2]


def test_a_change_shows_through_links_to_it() -> None:
    links = [("packages/b/src/data", "packages/a/shared"), ("packages/c/x", "packages/b/src"), ("packages/d/x", "e")]

    found = find(tuple(map(member, "abcd")), "packages/a/shared/deep/x.json", links=links)

    assert {reached.name: reached.reason for reached in found.members} == {
        "a": ("packages/a/shared/deep/x.json changed",),
        "b": ("packages/b/src/data leads to packages/a/shared/deep/x.json, which changed",),
        "c": ("packages/c/x leads to packages/b/src/data, which changed",),
    }


def test_a_folder_of_which_no_more_is_known_concerns_all_in_it_and_around_it() -> None:
    members = (member("outer"), member("inner", folder="packages/outer/sub/inner"), member("other"))

    assert names(find(members, "packages/outer/sub/")) == ["outer", "inner"]
    assert find(members, "packages/other/").members == (Reached("other", ("packages/other/ changed",)),)
    assert find(members, "vendored/").because == "vendored/ belongs to no member alone"


def test_a_member_that_git_does_not_see_is_affected_because_nobody_can_tell() -> None:
    changes = Changes("main", None, (), (), ("packages/lib/pyproject.toml",))

    found = find_affected(LINE, changes, {})

    assert names(found) == ["lib", "state", "core"]
    assert found.members[0].reason == (
        "git does not see packages/lib/pyproject.toml, so nobody can tell whether it changed",
    )


def test_a_comparison_that_failed_is_everything() -> None:
    found = find_affected(LINE, Changes("v1", "this shallow clone does not hold v1"), {})

    assert (found.base, found.because) == ("v1", "this shallow clone does not hold v1")
    assert [reached.name for reached in found.members] == [item.name for item in LINE]


def test_names_that_are_no_plain_text_are_quoted() -> None:
    found = find(LINE, "packages/other/src/a\nb\udcff.py")

    assert found.members[0].reason == (r"'packages/other/src/a\nb\udcff.py' changed",)


# Members that come, go, and change their names.


def test_a_member_that_is_gone_reaches_who_still_requires_it() -> None:
    gone = {"packages/old/pyproject.toml": (project("Old"), None)}

    found = find((member("user", "old"), member("other")), "packages/old/src/old/a.py", versions=gone)

    assert found.members == (
        Reached(
            "user",
            (
                "packages/old was the member old and is it no longer",
                "user requires old (runtime, packages/user/pyproject.toml:1)",
            ),
        ),
    )


def test_a_member_that_moved_reaches_its_dependents() -> None:
    moved = {
        "packages/new/pyproject.toml": (None, project("lib")),
        "packages/lib/pyproject.toml": (project("lib"), None),
    }
    members = (member("lib", folder="packages/new"), member("user", "lib"), member("other"))

    assert names(find(members, "packages/lib/src/lib/a.py", versions=moved)) == ["lib", "user"]


def test_a_member_with_a_new_name_reaches_who_requires_it_by_the_old_one() -> None:
    renamed = {"packages/lib/pyproject.toml": (project("lib"), project("botlib"))}
    members = (member("botlib", folder="packages/lib"), member("a", "lib"), member("b", "botlib"), member("other"))

    assert names(find(members, versions=renamed)) == ["botlib", "a", "b"]


def test_a_manifest_that_lost_its_name_was_a_member() -> None:
    nameless = {"packages/old/pyproject.toml": (project("old"), "[project]\n")}

    assert names(find((member("user", "old"),), versions=nameless)) == ["user"]


def test_a_root_that_is_no_member_any_more_concerns_everybody() -> None:
    renamed = {"pyproject.toml": (project("old"), project("new"))}

    assert find(LINE, versions=renamed).because == "pyproject.toml belongs to no member alone"
    assert find((*LINE, member("new", folder=".", import_root=".")), versions=renamed).because == (
        "pyproject.toml belongs to no member alone"
    )


def test_a_manifest_that_makes_no_member_is_a_file_like_others() -> None:
    fixture = "packages/lib/tests/fixture/pyproject.toml"
    edited = {fixture: (project("state"), project("state") + "\n")}

    assert names(find(LINE, versions=edited)) == ["lib"]


def test_a_manifest_deleted_within_a_member_concerns_that_member_too() -> None:
    deleted = {"packages/lib/tests/fixture/pyproject.toml": (project("demo"), None)}

    assert names(find(LINE, versions=deleted)) == ["lib"]


def test_a_new_member_concerns_the_one_whose_files_it_took() -> None:
    manifest = "packages/lib/plugin/pyproject.toml"
    members = (*LINE, member("plugin", folder="packages/lib/plugin"))

    assert names(find(members, manifest, new=[manifest])) == ["lib", "state", "core", "plugin"]


# Lock files.

LOCK = """\
h11==1 \\
    --hash=sha256:aa
    # via httpcore
httpcore==1 \\
    --hash=sha256:aa
    # via httpx
httpx==1 \\
    --hash=sha256:aa
    # via web
ruff==1 \\
    --hash=sha256:aa
"""
WEB = (member("web", "httpx"), member("app", "web"), member("tested", "ruff:dev"), member("other"))


def upgrade(name: str, lock: str = LOCK, path: str = "requirements.lock") -> dict[str, tuple[str | None, str | None]]:
    return {path: (lock, lock.replace(f"{name}==1", f"{name}==2"))}


def test_a_changed_pin_reaches_who_uses_it_through_other_distributions() -> None:
    found = find(WEB, versions=upgrade("h11"))

    assert names(found) == ["web", "app"]
    assert found.members[1].reason == (
        "requirements.lock has h11 2 instead of 1",
        "httpcore requires h11 (requirements.lock)",
        "httpx requires httpcore (requirements.lock)",
        "web requires httpx (runtime, packages/web/pyproject.toml:1)",
        "app requires web (runtime, packages/app/pyproject.toml:1)",
    )


def test_a_pin_that_the_lock_does_not_explain_is_explained_by_the_manifests() -> None:
    assert names(find(WEB, versions=upgrade("ruff"))) == ["tested"]


def test_every_member_is_tested_with_pytest() -> None:
    lock = LOCK.replace("ruff==", "pytest==").replace("# via httpx", "# via pytest")

    found = find((member("lib", "pytest:dev"), member("other")), versions=upgrade("httpcore", lock))

    assert [reached.reason[1:] for reached in found.members] == [
        ("pytest requires httpcore (requirements.lock)", "lib requires pytest (dev, packages/lib/pyproject.toml:1)"),
        ("pytest requires httpcore (requirements.lock)", "other imports pytest (as every isolated session does)"),
    ]


def test_a_pin_reaches_members_that_only_the_lock_knows_to_need_it() -> None:
    lock = LOCK.replace("# via web", "# via other:test")

    assert names(find((member("other"), member("user", "other")), versions=upgrade("httpx", lock))) == ["other"]


@pytest.mark.parametrize("name", ["ruff", "h11"])
def test_a_pin_of_which_nobody_knows_who_needs_it_may_concern_everybody(name: str) -> None:
    lock = LOCK.replace("# via web", "# via -r requirements.in")

    assert find((member("other"),), versions=upgrade(name, lock)).because == (
        f"requirements.lock changed, and it does not tell which members need {name}"
    )


def test_a_lock_that_is_new_is_everything() -> None:
    assert find(WEB, versions={"requirements.lock": (None, LOCK)}).because == "requirements.lock is new"


def test_a_lock_that_only_says_other_reasons_reaches_nobody() -> None:
    assert names(find(WEB, versions={"requirements.lock": (LOCK, "# a comment\n" + LOCK)})) == []


def test_the_pins_that_a_lock_puts_into_the_manifest_of_the_root_are_the_same_change() -> None:
    pins = "# pins of requirements.lock, made by `invoke lock`\n'h11==1',\n# end of the pins\n"
    pins = f"[tool.uv]\nconstraint-dependencies = [\n{pins}]\n"
    manifest = {"pyproject.toml": (pins, pins.replace("h11==1", "h11==2"))}
    more = {"pyproject.toml": (pins, pins.replace("h11==1", "h11==2") + "[tool.ruff]\n")}

    assert names(find(WEB, versions=upgrade("h11") | manifest)) == ["web", "app"]
    assert find(WEB, versions=upgrade("h11") | more).because == "pyproject.toml belongs to no member alone"
    assert find(WEB, versions=manifest).because == "pyproject.toml belongs to no member alone"


def test_only_locks_at_the_root_and_changed_manifests_are_read() -> None:
    changes = [
        Change("a/pyproject.toml", "id"),
        Change("a/uv.lock", "id"),
        Change("new/pyproject.toml", None),
        Change("poetry.lock", "id"),
        Change("requirements.lock", None),
    ]

    assert [change.path for change in find_telling_files(changes)] == ["a/pyproject.toml", "requirements.lock"]


# Everything at once, against the slowest way to say the same.


@st.composite
def workspaces(draw: st.DrawFn) -> tuple[tuple[Outline, ...], list[str]]:
    """Members, some within others, with any dependencies between them; and changed paths."""
    count = draw(st.integers(1, 7))
    folders = [f"m{number}" for number in range(count)]
    for number in range(1, count):
        if draw(st.booleans()):
            folders[number] = f"{folders[draw(st.integers(0, number - 1))]}/m{number}"
    kinds = st.sampled_from(["runtime", "optional", "dev", "build"])
    needs = st.lists(st.builds(lambda n, kind: f"m{n}:{kind}", st.integers(0, count), kinds), max_size=3)
    members = tuple(
        member(f"m{number}", *(n for n in draw(needs) if n.partition(":")[0] != f"m{number}"), folder=folder)
        for number, folder in enumerate(folders)
    )
    files = st.sampled_from(["src/a.py", "src/p/b.json", "tests/t.py", "README.md", "setup.py", "docs/a.md"])
    places = st.sampled_from([*folders, *folders, "nowhere"])
    paths = draw(st.lists(st.builds(lambda place, file: f"{place}/{file}", places, files), max_size=4))
    return members, paths


def reference(members: Sequence[Outline], paths: Iterable[str]) -> set[str] | None:
    """The rules once more, word by word, by trying everything until nothing changes; None is everything."""
    reached: set[tuple[str, bool]] = set()
    for path in paths:
        owners = [item for item in members if path.startswith(item.folder + "/")]
        if not owners:
            return None
        owner = max(owners, key=lambda item: len(item.folder))
        rest = path[len(owner.folder) + 1 :]
        reached.add((owner.name, not rest.startswith(("tests/", "docs/", "README"))))
    while True:
        more = {
            (item.name, kind != "dev")
            for item in members
            for needed, kind, _ in item.needs
            if (needed, True) in reached
        }
        if more <= reached:
            return {name for name, _ in reached}
        reached |= more


def check_reason(members: Sequence[Outline], paths: Iterable[str], reached: Reached) -> None:
    """Each step follows from the one before, the first one from a changed file."""
    by_name = {item.name: item for item in members}
    path, *_ = reached.reason[0].partition(" changed")
    assert path in paths
    owners = [item for item in members if path.startswith(item.folder + "/")]
    here = max(owners, key=lambda item: len(item.folder)).name
    for number, step in enumerate(reached.reason[1:], 2):
        name, _, needed, *_ = step.split(" ")
        kinds = {kind for other, kind, _ in by_name[name].needs if other == needed}
        assert needed == here
        assert kinds
        assert number == len(reached.reason) or kinds != {"dev"}
        here = name
    assert here == reached.name


def check(workspace: tuple[tuple[Outline, ...], list[str]]) -> None:
    members, paths = workspace

    found = find(members, *paths)

    expected = reference(members, paths)
    assert (found.because is None) == (expected is not None)
    assert {reached.name for reached in found.members} == ({m.name for m in members} if expected is None else expected)
    for reached in found.members if expected is not None else ():
        check_reason(members, paths, reached)


@settings(max_examples=300, deadline=None)
@given(workspaces())
def test_any_change_of_any_workspace_reaches_what_the_rules_say(
    workspace: tuple[tuple[Outline, ...], list[str]],
) -> None:
    check(workspace)


@pytest.mark.parametrize(
    "twin",
    [
        lambda m: m.setattr(affected_module, "_BOUNDED_KINDS", frozenset()),
        lambda m: m.setattr(affected_module, "_BOUNDED_KINDS", frozenset({"dev", "optional"})),
        lambda m: m.setattr(territory, "_OWN_FOLDERS", frozenset()),
        lambda m: m.setattr(
            territory,
            "_innermost",
            lambda path, folders: path.partition("/")[0] if path.partition("/")[0] in folders else None,
        ),
        lambda m: m.setattr(Link, "passes", lambda _: False),
    ],
    ids=["dev passes on", "optional does not", "tests pass on", "outermost member", "nothing passes on"],
)
def test_the_reference_catches_a_broken_twin(
    twin: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin(monkeypatch)

    same_each_time = settings(max_examples=1000, deadline=None, derandomize=True, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        same_each_time(given(workspaces())(check))()

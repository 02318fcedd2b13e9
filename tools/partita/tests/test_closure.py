"""Which members a member needs, extras taken into account."""

from __future__ import annotations

from partita.closure import applicable, declared_requires, required_members, walk_closure
from partita.manifest import Requirement
from partita.workspace import Member


def member(*requirements: tuple[str, str, str]) -> Member:
    found = tuple(Requirement(text, kind, group, text, 1) for kind, group, text in requirements)
    return Member("x", "x", "x/pyproject.toml", "x/src", ("x",), "1", None, found, ())


def test_a_manifest_speaks_as_its_wheel_will() -> None:
    asked = member(
        ("runtime", "", "a>=1"),
        ("runtime", "", "b ; sys_platform == 'win32'"),
        ("optional", "Fast_Lane", "c[deep]"),
        ("optional", "more", "d ; python_version < '4'"),
        ("dev", "test", "e"),
        ("build", "", "f"),
        ("runtime", "", "poetry-key"),
    )
    assert declared_requires(asked) == (
        "a>=1",
        'b  ; (sys_platform == "win32")',
        "c[deep] ; extra == 'fast-lane'",
        "d  ; (python_version < \"4\") and extra == 'more'",
        "poetry-key",
    )


def test_requirements_apply_here_with_the_extras_asked_for() -> None:
    requires = [
        "a",
        "b ; sys_platform == 'nowhere'",
        "c ; extra == 'fast'",
        "d[x] ; python_version > '3' and extra == 'more'",
    ]
    assert applicable(requires, ()) == ["a"]
    assert applicable(requires, {"fast", "more"}) == ["a", "c", "d[x]"]


def test_only_members_count_whatever_their_names_look_like() -> None:
    assert required_members(["Lib_A[Fast_Lane]>=1", "requests"], (), {"lib-a"}) == [("lib-a", {"fast-lane"})]


def test_the_closure_follows_extras_once_and_comes_to_an_end() -> None:
    requires = {
        "app": ["core[web]", "lib"],
        "core": ["lib", "core[deep] ; extra == 'web'", "web ; extra == 'web'", "deep ; extra == 'deep'"],
        "lib": ["app"],
        "web": [],
        "deep": [],
        "other": [],
    }
    waves: list[list[str]] = []
    walk_closure(requires, {"app": ()}, lambda names: waves.append(list(names)), requires.__getitem__)
    assert waves == [["app"], ["core", "lib"], ["web"], ["deep"]]

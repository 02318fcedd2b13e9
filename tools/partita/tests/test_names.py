from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from partita.names import Names, create_names, find_name_problems, matches_member
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from partita.fixtures import MakeTree

HERE = {"folder": "packages/{name}", "distribution": "acme-{name}", "import": "acme_{name}"}
TREE = {
    "pyproject.toml": """
        [project]
        name = "root"
        version = "1"
        [tool.uv.workspace]
        members = ["packages/*"]
        exclude = ["packages/old-*"]
    """,
    "packages/mail/pyproject.toml": """
        [project]
        name = "acme-mail"
        version = "1"
        dependencies = ["Acme.Http>=2"]
    """,
    "packages/mail/src/acme_mail/__init__.py": "",
    "packages/Music/README.md": "",
    "packages/spread/pyproject.toml": "[project]\nname = 'acme-spread'\nversion = '1'\n",
    "packages/spread/src/acme/spread/__init__.py": "",
}


@pytest.mark.parametrize(
    ("name", "patterns", "expected"),
    [
        (
            "Meeting_Notes",
            HERE,
            Names("meeting-notes", "acme-meeting-notes", "acme_meeting_notes", "packages/meeting-notes"),
        ),
        ("mail", {}, Names("mail", "mail", "mail", "packages/mail")),
        ("mail", {"import": "acme.{name}", "folder": "/x/{name}/"}, Names("mail", "mail", "acme.mail", "x/mail")),
        ("mail", {"distribution": "acme-{name}"}, Names("mail", "acme-mail", "acme_mail", "packages/mail")),
    ],
)
def test_names_are_made_from_patterns(name: str, patterns: dict[str, str], expected: Names) -> None:
    assert create_names(name, patterns) == expected


def test_a_name_can_begin_a_class_and_an_environment_variable() -> None:
    names = create_names("meeting-notes", {})
    assert (names.class_name, names.constant_name) == ("MeetingNotes", "MEETING_NOTES")


SKIPPED = "are skipped, or cannot be made, by common tools"
CASE = "only in upper and lower case, which not every file system tells apart"
EXCLUDE = "pyproject.toml (tool.uv.workspace.exclude)"
FORM = "the form is a letter, then letters, digits, '-', '_' and '.', a letter or digit last, at most 100 in all"


@pytest.mark.parametrize(
    ("name", "patterns", "problems"),
    [
        ("chat", HERE, []),
        ("a b", HERE, [f"'a b' is no name for a package; {FORM}"]),
        ("", HERE, [f"'' is no name for a package; {FORM}"]),
        ("../x", HERE, [f"'../x' is no name for a package; {FORM}"]),
        ("3d", HERE, [f"'3d' is no name for a package; {FORM}"]),
        ("x\n", HERE, [f"'x\\n' is no name for a package; {FORM}"]),
        ("é", HERE, [f"'é' is no name for a package; {FORM}"]),
        ("x" * 101, HERE, [f"{'x' * 101!r} is no name for a package; {FORM}"]),
        ("class", {}, ["'class' cannot be imported: 'class' is a Python keyword"]),
        ("email", {}, ["'email' would hide the module 'email' of the standard library or of test folders"]),
        ("tests", {}, ["'tests' would hide the module 'tests' of the standard library or of test folders"]),
        ("chat", {"import": "3{name}"}, ["'3chat' cannot be imported: '3chat' is no Python identifier"]),
        (
            "build",
            HERE,
            [f"packages/build cannot hold a member: folders named 'build' {SKIPPED}"],
        ),
        (
            "mail",
            HERE,
            [
                "packages/mail exists already",
                "acme-mail is the name of the member in packages/mail",
                "acme_mail is what the member in packages/mail is imported as",
            ],
        ),
        ("music", HERE, [f"packages/music differs from Music {CASE}"]),
        ("old-news", HERE, [f"packages/old-news is excluded from the uv workspace by {EXCLUDE}"]),
        ("http", HERE, ["acme-http is a third-party distribution that acme-mail requires"]),
        (
            "spread",
            {**HERE, "folder": "x/{name}", "distribution": "new", "import": "acme.{name}"},
            ["acme.spread is what the member in packages/spread is imported as"],
        ),
    ],
)  # fmt: skip
def test_every_reason_why_a_name_cannot_be_had_is_told(
    make_tree: MakeTree, name: str, patterns: dict[str, str], problems: list[str]
) -> None:
    workspace = read_workspace(os.fspath(make_tree(TREE)))
    assert find_name_problems(name, create_names(name, patterns), workspace) == problems


@pytest.mark.parametrize(
    ("folder", "pattern", "expected"),
    [
        ("packages/a", "packages/*", True),
        ("packages/a", "./packages/*/", True),
        ("packages/a/b", "packages/*", False),
        ("packages/a/b", "packages/**", True),
        ("packages", "packages/**", True),
        ("packages/a", "**/a", True),
        ("packages/ab", "packages/a?", True),
        ("libs/a", "packages/*", False),
    ],
)
def test_patterns_of_a_uv_workspace(folder: str, pattern: str, expected: bool) -> None:
    assert matches_member(folder, [pattern]) is expected

"""The folder of a member, the Pythons it runs on, its entry points, and what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from partita.findings import Finding
from partita.rules import problems

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[Finding, ...]]
    Member = Callable[..., dict[str, str]]

CONFIGURED = {"workspace.toml": "schema = 1\n"}
GOOD = {"README.md": "# Chat\n", "tests/test_chat.py": ""}


def finding(code: str, message: str, remedy: str, file: str = "chat/pyproject.toml", line: int = 0) -> Finding:
    return Finding(code, file, line, message, remedy, "chat")


def test_a_member_in_order_is_silent(check: Check, member: Member) -> None:
    manifest = 'classifiers = ["Typing :: Typed"]\nreadme = "README.md"\n'
    files = {**CONFIGURED, **member("chat", files={**GOOD, "src/chat/py.typed": ""}, manifest=manifest)}
    assert check("PT5", files) == ()


def test_a_missing_readme_is_found(check: Check, member: Member) -> None:
    files = {**CONFIGURED, **member("chat", files={"tests/test_chat.py": ""})}
    remedy = "write chat/README.md: what it is for, how to install it, one example"
    assert check("PT5", files) == (finding("PT501", "chat has no README.md", remedy),)
    assert check("PT5", files | {"chat/readme.rst": ""}) == ()
    named = files | member("chat", files=GOOD, manifest='readme = "docs/index.md"\n')
    assert check("PT5", named) == (
        finding(
            "PT501",
            "chat has no docs/index.md",
            "write chat/docs/index.md: what it is for, how to install it, one example",
            line=6,
        ),
    )
    for readme in ('{ file = "README.md", content-type = "text/markdown" }', '{ text = "Chat" }'):
        assert check("PT5", files | member("chat", files=GOOD, manifest=f"readme = {readme}\n")) == ()


def test_missing_tests_are_found(check: Check, member: Member) -> None:
    files = {**CONFIGURED, **member("chat", files={"README.md": "", "tests/conftest.py": ""})}
    remedy = "write chat/tests/test_chat.py; one that imports every module is a start"
    assert check("PT5", files) == (finding("PT502", "chat has no tests", remedy),)
    assert check("PT5", files | {"chat/tests/deep/talk_test.py": ""}) == ()


def test_a_typed_member_without_its_marker_is_found(check: Check, member: Member) -> None:
    files = {**CONFIGURED, **member("chat", files=GOOD, manifest='classifiers = ["Typing :: Typed"]\n')}
    assert check("PT5", files) == (
        Finding(
            "PT503",
            "chat/pyproject.toml",
            6,
            "chat says that it is typed, but type checkers ignore it without chat/src/chat/py.typed",
            "create the empty file chat/src/chat/py.typed",
            "chat/src/chat/py.typed",
        ),
    )
    assert check("PT5", files | {"chat/src/chat/py.typed": ""}) == ()
    second = files | {"chat/src/chat/py.typed": "", "chat/src/talk/__init__.py": ""}
    assert [found.subject for found in check("PT503", second)] == ["chat/src/talk/py.typed"]


def test_a_flat_layout_is_found(check: Check, member: Member) -> None:
    files = {**CONFIGURED, **member("chat", files=GOOD)}
    del files["chat/src/chat/__init__.py"]
    files["chat/chat/__init__.py"] = ""
    remedy = "move the sources of chat to chat/src/chat"
    assert check("PT5", files) == (finding("PT504", "chat has no folder src", remedy),)


@pytest.mark.parametrize(
    ("packages", "message", "remedy"),
    [
        (["talk"], "chat is imported as talk, not as chat alone", "rename chat/src/talk to chat"),
        (
            ["chat", "talk"],
            "chat is imported as chat, talk, not as chat alone",
            "move chat/src/talk into chat, or into a member of its own",
        ),
        ([], "chat has nothing to import, not as chat alone", "create chat/src/chat"),
    ],
)
def test_another_import_name_is_found(
    check: Check, member: Member, packages: list[str], message: str, remedy: str
) -> None:
    files = {**CONFIGURED, **member("chat", files={**GOOD, "src/.keep": ""})}
    del files["chat/src/chat/__init__.py"]
    files |= {f"chat/src/{package}/__init__.py": "" for package in packages}
    assert check("PT5", files) == (finding("PT505", message, remedy),)


def test_dashes_in_a_name_are_underscores_in_its_import(check: Check, member: Member) -> None:
    assert check("PT505", {**CONFIGURED, **member("chat-core")}) == ()


def test_tests_that_are_a_package_are_found(check: Check, member: Member) -> None:
    data = {"tests/data/sample/__init__.py": "", "tests/.kept/test_old.py": ""}
    tests = {"tests/deep/__init__.py": "", "tests/deep/test_deep.py": ""}
    files = {**CONFIGURED, **member("chat", files={**GOOD, **tests, **data})}
    assert check("PT5", files) == (
        Finding(
            "PT506",
            "chat/tests/deep/__init__.py",
            0,
            "the tests of chat are a package: two members with a package of one name get in each other's way",
            "remove chat/tests/deep/__init__.py; let pytest import tests with --import-mode=importlib",
            "chat/tests/deep/__init__.py",
        ),
    )


def test_other_pythons_than_those_of_the_root_are_found(check: Check, member: Member) -> None:
    files = {**CONFIGURED, "pyproject.toml": '[project]\nrequires-python = ">=3.11,<3.15"\n'}
    files |= member("chat", manifest='requires-python = ">=3.10"\n')
    assert check("PT507", files) == (
        finding(
            "PT507",
            "chat requires Python >=3.10; the root requires >=3.11,<3.15",
            'write requires-python = ">=3.11,<3.15" below [project] of chat/pyproject.toml',
            line=6,
        ),
    )
    (missing,) = check("PT507", files | member("chat"))
    assert missing.message == "chat does not say which Pythons it requires; the root requires >=3.11,<3.15"
    assert check("PT507", files | member("chat", manifest='requires-python = "<3.15, >=3.11"\n')) == ()
    (odd,) = check("PT507", files | member("chat", manifest='requires-python = "new ones"\n'))
    assert odd.message == "chat requires Python new ones; the root requires >=3.11,<3.15"


def test_in_a_repository_that_is_not_configured_layout_is_free(check: Check, member: Member) -> None:
    files = {**member("chat"), "pyproject.toml": '[project]\nname = "all"\nrequires-python = ">=3.11"\n'}
    assert check("PT5", files) == ()


def test_what_makes_no_package_has_no_layout(check: Check, member: Member) -> None:
    assert check("PT5", {**CONFIGURED, **member("everything", manifest="[tool.uv]\npackage = false\n")}) == ()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("chat.absent:main", "there is no module chat.absent"),
        ("chat.talk:absent", "chat/src/chat/talk.py has no absent"),
        ("chat.talk:absent.method", "chat/src/chat/talk.py has no absent"),
        ("chat/talk.py", "that is no path of a module and a name"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_found(check: Check, member: Member, target: str, told: str) -> None:
    manifest = f'[project.scripts]\nchat = "{target}"\n'
    files = member("chat", files={"src/chat/talk.py": "def main(): ...\n"}, manifest=manifest)
    assert check("PT5", files) == (
        Finding(
            "PT508",
            "chat/pyproject.toml",
            7,
            f"chat of chat leads to {target}, but {told}",
            "create it, or write where it has gone; the form is package.module:name",
            f"chat = {target}",
        ),
    )


@pytest.mark.parametrize(
    "target",
    [
        "chat.talk:main",
        "chat.talk:Talk.method",
        "chat.talk:CONSTANT",
        "chat.talk:imported",
        "chat.talk:late [extra]",
        "chat.talk",
        "chat:talk",
        "chat.dynamic:anything",
        "chat.starred:anything",
        "chat.fast:main",
        "chat.broken:main",
        "elsewhere.module:main",
    ],
)
def test_an_entry_point_that_leads_somewhere_or_out_is_silent(check: Check, member: Member, target: str) -> None:
    source = """\
import os as imported
def main(): ...
class Talk: ...
CONSTANT = 1
try:
    late = main
except Exception:
    pass
"""
    files = member(
        "chat",
        files={
            "src/chat/talk.py": source,
            "src/chat/dynamic.py": "def __getattr__(name): ...\n",
            "src/chat/starred.py": "from os import *\n",
            "src/chat/fast.cpython-311-x86_64-linux-gnu.so": "",
            "src/chat/broken.py": "def (\n",
        },
        manifest=f'[project.entry-points."chat.plugins"]\nchat = "{target}"\n',
    )
    assert check("PT508", files) == ()


def test_entry_points_of_poetry_are_read(check: Check) -> None:
    manifest = """\
[tool.poetry]
name = "chat"
[tool.poetry.scripts]
one = "chat.absent:main"
two = { reference = "chat.absent:main", type = "console" }
odd = 2
[tool.poetry.plugins.chat]
three = "chat.absent"
"""
    found = check("PT508", {"pyproject.toml": manifest, "chat/__init__.py": ""})
    assert [item.subject for item in found] == [
        "one = chat.absent:main",
        "two = chat.absent:main",
        "three = chat.absent",
    ]


def test_what_could_not_be_read_is_a_finding(check: Check, member: Member) -> None:
    files = member("chat", files={"src/chat/talk.py": "import (\n"})
    (found,) = check("PT01", files)
    assert (found.code, found.file, found.remedy) == (
        "PT011",
        "chat/src/chat/talk.py",
        "correct the file, or run this with the Python it is written for",
    )


def test_every_problem_has_a_next_step() -> None:
    assert problems._REMEDIES.keys() == {code.code for code in problems.CODES}


def test_what_a_repository_may_have_is_a_note_until_it_is_configured(check: Check, member: Member) -> None:
    files = member("chat")
    files["chat/pyproject.toml"] = '[project]\nname = "chat"\nversion = "1"\ndynamic = ["dependencies"]\n'
    assert check("PT0", files) == ()
    assert [found.code for found in check("PT0", files, notes=True)] == ["PT005"]
    assert [found.code for found in check("PT0", {**CONFIGURED, **files})] == ["PT005"]

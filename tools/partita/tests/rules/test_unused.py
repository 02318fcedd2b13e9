"""What is declared is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[Finding, ...]]
    Member = Callable[..., dict[str, str]]

import pytest


def test_dependencies_that_nothing_imports_are_found(check: Check, member: Member) -> None:
    files = {**member("chat", ["mail", "PyYAML>=6"], {"src/chat/talk.py": "import os\n"}), **member("mail")}
    assert check("PT3", files) == (
        Finding(
            "PT304",
            "chat/pyproject.toml",
            5,
            "chat depends on mail, but nothing in it imports it",
            'take "mail" out of dependencies of chat/pyproject.toml; when it is needed unimported, write an '
            '[[exception]] from PT304 for "chat -> mail" into workspace.toml',
            "chat -> mail",
        ),
        Finding(
            "PT305",
            "chat/pyproject.toml",
            6,
            "chat depends on pyyaml, but nothing in it imports it",
            'take "PyYAML>=6" out of dependencies of chat/pyproject.toml; when it is needed unimported, write an '
            '[[exception]] from PT305 for "chat -> pyyaml" into workspace.toml',
            "chat -> pyyaml",
        ),
    )
    assert check("PT3", {**files, **member("chat")}) == ()


def test_what_only_tests_import_belongs_to_a_development_group(check: Check, member: Member) -> None:
    files = member("chat", ["pyyaml"], {"src/chat/talk.py": "", "tests/test_talk.py": "import yaml\n"})
    (found,) = check("PT3", files)
    assert (found.code, found.message, found.remedy) == (
        "PT305",
        "chat depends on pyyaml, but only its tests and scripts import it",
        'move "pyyaml" from dependencies of chat/pyproject.toml to a development group',
    )
    moved = member("chat", manifest='[dependency-groups]\ndev = ["pyyaml"]\n')["chat/pyproject.toml"]
    assert check("PT3", files | {"chat/pyproject.toml": moved}) == ()


@pytest.mark.parametrize(
    "source",
    [
        "import yaml\n",
        "def talk():\n    import yaml.scanner\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import yaml\n",
        "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n",
        "LOADER = 'yaml:load'\n",
        "HINT = 'pip install PyYAML'\n",
    ],
)
def test_every_kind_of_import_and_every_mention_is_a_use(check: Check, member: Member, source: str) -> None:
    assert check("PT3", member("chat", ["pyyaml"], {"src/chat/talk.py": source})) == ()


@pytest.mark.parametrize("dependency", ["tzdata", "types-requests", "pytest-randomly", "plugged"])
def test_what_works_unimported_is_silent(check: Check, member: Member, dependency: str) -> None:
    installed = {"plugged": {"RECORD": "plugged.py,,\n", "entry_points.txt": "[chat.plugins]\na = plugged\n"}}
    assert check("PT3", member("chat", [dependency], {"src/chat/talk.py": ""}), installed) == ()


def test_a_member_that_registers_itself_is_silent(check: Check, member: Member) -> None:
    manifest = '[project.entry-points."chat.plugins"]\nmail = "mail"\n'
    files = {**member("chat", ["mail"], {"src/chat/talk.py": ""}), **member("mail", manifest=manifest)}
    assert check("PT304", files) == ()
    files |= member("mail", manifest='[project.scripts]\nmail = "mail"\n')
    assert [found.code for found in check("PT304", files)] == ["PT304"]


def test_a_member_may_name_itself_to_gather_its_extras(check: Check, member: Member) -> None:
    assert check("PT3", member("chat", ["chat[more]"], {"src/chat/talk.py": ""})) == ()


def test_extras_and_groups_are_not_judged(check: Check, member: Member) -> None:
    manifest = '[project.optional-dependencies]\nyaml = ["pyyaml"]\n[dependency-groups]\ndev = ["requests"]\n'
    assert check("PT3", member("chat", manifest=manifest)) == ()


def test_an_unknown_distribution_is_only_unused_when_nothing_can_come_from_it(check: Check, member: Member) -> None:
    files = member("chat", ["strange-lib"], {"src/chat/talk.py": "import oddity\n"})
    assert check("PT305", files) == ()
    files["chat/src/chat/talk.py"] = "import os\n"
    assert [found.subject for found in check("PT305", files)] == ["chat -> strange-lib"]


def test_members_that_only_gather_dependencies_are_silent(check: Check, member: Member) -> None:
    gathering = member("everything", ["mail", "pyyaml"])
    assert check("PT3", {**gathering, **member("mail"), "everything/src/everything/__init__.py": ""}) != ()
    del gathering["everything/src/everything/__init__.py"]
    assert check("PT3", {**gathering, **member("mail")}) == ()
    virtual = member("everything", ["mail"], manifest="[tool.uv]\npackage = false\n")
    assert check("PT3", {**virtual, **member("mail")}) == ()


def test_a_member_that_could_not_be_read_whole_is_not_judged(check: Check, member: Member) -> None:
    assert check("PT305", member("chat", ["pyyaml"], {"src/chat/talk.py": "import (\n"})) == ()

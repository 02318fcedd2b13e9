"""What is imported is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[Finding, ...]]
    Member = Callable[..., dict[str, str]]

import pytest

TIERS = '[[tier]]\nname = "all"\nmembers = ["chat", "mail"]\n'


def test_an_undeclared_member_is_found_on_each_import_line(check: Check, member: Member) -> None:
    source = "import mail\n\n\ndef talk():\n    from mail import post\n"
    files = {**member("chat", files={"src/chat/talk.py": source}), **member("mail")}
    expected = Finding(
        "PT301",
        "chat/src/chat/talk.py",
        1,
        "chat imports mail of mail without declaring it",
        'write "mail" into dependencies of chat/pyproject.toml',
        "chat -> mail",
    )
    assert check("PT3", files) == (
        expected,
        expected._replace(line=5, message="chat imports mail.post of mail without declaring it"),
    )
    assert check("PT3", {**files, **member("chat", ["mail"])}) == ()


def test_a_statement_is_told_once_however_many_names_it_takes(check: Check, member: Member) -> None:
    files = {**member("chat", files={"src/chat/talk.py": "from mail import a, b\nfrom yaml import c, d\n"})}
    files |= member("mail")
    assert [(found.code, found.line) for found in check("PT3", files)] == [("PT301", 1), ("PT302", 2)]


def test_a_member_that_another_brings_along_is_still_undeclared(check: Check, member: Member) -> None:
    files = {
        **member("chat", ["mail"], {"src/chat/talk.py": "import lib\nimport mail\n"}),
        **member("mail", ["lib"], {"src/mail/post.py": "import lib\n"}),
        **member("lib"),
    }
    (found,) = check("PT3", files)
    assert found.message == "chat imports lib of lib without declaring it; mail happens to bring it along"


def test_an_undeclared_distribution_is_found(check: Check, member: Member) -> None:
    files = member("chat", files={"src/chat/talk.py": "import os\nimport yaml\n"})
    assert check("PT3", files) == (
        Finding(
            "PT302",
            "chat/src/chat/talk.py",
            2,
            "chat imports yaml without declaring it",
            'write "pyyaml" into dependencies of chat/pyproject.toml',
            "chat -> yaml",
        ),
    )
    assert check("PT3", files | {"chat/pyproject.toml": member("chat", ["PyYAML>=6"])["chat/pyproject.toml"]}) == ()


def test_what_a_declared_distribution_brings_along_is_undeclared(check: Check, member: Member) -> None:
    installed = {
        "web": {"RECORD": "web/__init__.py,,\n", "METADATA": "Requires-Dist: wire\n\n"},
        "wire": {"RECORD": "wire/__init__.py,,\n"},
    }
    files = member("chat", ["web"], {"src/chat/talk.py": "import web\nimport wire\n"})
    (found,) = check("PT3", files, installed)
    assert (found.code, found.message) == (
        "PT302",
        "chat imports wire without declaring it; web happens to bring it along",
    )


def test_what_a_member_brings_along_is_undeclared(check: Check, member: Member) -> None:
    files = {
        **member("chat", ["mail"], {"src/chat/talk.py": "import mail\nimport yaml\nimport requests\n"}),
        **member("mail", ["pyyaml"], {"src/mail/post.py": "import yaml\n"}),
    }
    assert [found.message for found in check("PT3", files)] == [
        "chat imports yaml without declaring it; mail happens to bring it along",
        "chat imports requests without declaring it",
    ]


def test_a_distribution_that_nobody_knows_is_asked_for_by_its_import_name(check: Check, member: Member) -> None:
    (found,) = check("PT3", member("chat", files={"src/chat/talk.py": "import oddity.core\n"}))
    assert found.remedy == (
        "write the distribution that provides oddity into dependencies of chat/pyproject.toml; when that is declared "
        'under another name, say so below [import-names] of workspace.toml: distribution = ["oddity"]'
    )


def test_an_import_that_an_unknown_distribution_may_provide_is_a_note(check: Check, member: Member) -> None:
    files = member("chat", ["strange-lib"], {"src/chat/talk.py": "import oddity\n"})
    assert check("PT3", files) == ()
    assert check("PT3", files, notes=True) == (
        Finding(
            "PT309",
            "chat/src/chat/talk.py",
            1,
            "does oddity come from strange-lib, which chat declares? Nothing here tells",
            "run this in the environment of the repository, or say it below [import-names] of workspace.toml, such as "
            'strange-lib = ["oddity"]',
            "chat -> oddity",
        ),
    )
    configured = files | {"workspace.toml": '[import-names]\nstrange-lib = ["oddity"]\n'}
    assert (check("PT3", configured), check("PT3", configured, notes=True)) == ((), ())
    installed = {"strange-lib": {"RECORD": "strange.py,,\n"}}
    assert [found.code for found in check("PT302", files, installed)] == ["PT302"]


def test_an_extra_is_enough_for_shipped_code(check: Check, member: Member) -> None:
    manifest = '[project.optional-dependencies]\nyaml = ["pyyaml", "mail"]\n'
    files = {
        **member("chat", files={"src/chat/talk.py": "import yaml\nimport mail\n"}, manifest=manifest),
        **member("mail"),
    }
    assert check("PT3", files) == ()


def test_a_development_group_is_not_enough_for_shipped_code(check: Check, member: Member) -> None:
    manifest = '[dependency-groups]\ndev = ["pyyaml", "mail"]\n'
    files = {
        **member("chat", files={"src/chat/talk.py": "import yaml\nimport mail\n"}, manifest=manifest),
        **member("mail"),
    }
    assert check("PT3", files) == (
        Finding(
            "PT303",
            "chat/src/chat/talk.py",
            1,
            "chat imports yaml in shipped code, but pyyaml is declared for development only",
            'write "pyyaml" into dependencies of chat/pyproject.toml',
            "chat -> pyyaml",
        ),
        Finding(
            "PT303",
            "chat/src/chat/talk.py",
            2,
            "chat imports mail in shipped code, but mail is declared for development only",
            'write "mail" into dependencies of chat/pyproject.toml',
            "chat -> mail",
        ),
    )


def test_tests_and_type_checking_live_on_development_groups(check: Check, member: Member) -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import yaml\n    import mail\n"
    files = {
        "workspace.toml": TIERS,
        **member(
            "chat",
            files={"src/chat/talk.py": source, "tests/test_talk.py": "import yaml\nimport mail\nimport pytest\n"},
            manifest='[dependency-groups]\ndev = ["types-pyyaml", "pyyaml", "mail"]\n',
        ),
        **member("mail"),
        "pyproject.toml": '[dependency-groups]\ndev = ["pytest"]\n',
    }
    assert check("PT3", files) == ()


def test_what_a_root_without_a_package_gathers_serves_the_tests_of_all(check: Check, member: Member) -> None:
    root = member("all", ["pyyaml"], manifest="[tool.uv]\npackage = false\n[tool.uv.workspace]\nmembers = ['*']\n")
    files = {
        "workspace.toml": "",
        "pyproject.toml": root["all/pyproject.toml"],
        "noxfile.py": "import yaml\n",
        **member("chat", files={"tests/test_talk.py": "import yaml\n"}),
    }
    assert check("PT3", files) == ()
    files["chat/src/chat/talk.py"] = "import yaml\n"
    assert [found.code for found in check("PT3", files)] == ["PT302"]


def test_in_a_configured_workspace_tests_declare_what_they_import(check: Check, member: Member) -> None:
    files = {**member("chat", files={"tests/test_talk.py": "import yaml\nimport mail\n"}), **member("mail")}
    assert check("PT3", files) == ()
    found = check("PT3", {"workspace.toml": TIERS, **files})
    assert [(item.code, item.subject, item.remedy) for item in found] == [
        ("PT302", "chat -> yaml", 'write "pyyaml" into a development group of chat/pyproject.toml'),
        ("PT301", "chat -> mail", 'write "mail" into a development group of chat/pyproject.toml'),
    ]


def test_stubs_are_enough_under_type_checking(check: Check, member: Member) -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import requests\n"
    files = {"workspace.toml": TIERS, **member("mail")}
    files |= member(
        "chat", files={"src/chat/talk.py": source}, manifest='[dependency-groups]\ndev = ["types-requests"]\n'
    )
    assert check("PT3", files) == ()


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n",
        "import os.path, sys, distutils\nfrom __future__ import annotations\n",
        "from . import other\nfrom chat import other\nimport chat.other\n",
    ],
    ids=["guarded", "standard library", "own"],
)
def test_what_needs_no_declaration_is_silent(check: Check, member: Member, source: str) -> None:
    assert check("PT3", member("chat", files={"src/chat/talk.py": source, "src/chat/other.py": ""})) == ()


def test_shared_namespaces_are_told_apart(check: Check, member: Member) -> None:
    files = {
        **member("ns-chat", ["ns-mail", "ns-api"], {"src/ns/chat/__init__.py": "import ns.mail.post\nimport ns.api\n"}),
        **member("ns-mail", files={"src/ns/mail/post.py": ""}),
    }
    installed = {"ns-api": {"RECORD": "ns/api/__init__.py,,\n"}, "ns-more": {"RECORD": "ns/more/__init__.py,,\n"}}
    assert check("PT302", files, installed) == ()
    files["ns-chat/src/ns/chat/__init__.py"] += "import ns.more.deep\nimport ns\n"
    (found,) = check("PT302", files, installed)
    assert found.remedy == 'write "ns-more" into dependencies of ns-chat/pyproject.toml'


def test_services_that_share_a_package_name_do_not_depend_on_each_other(check: Check, member: Member) -> None:
    files: dict[str, str] = {}
    for name in ("chat", "mail"):
        files |= {
            f"{name}/pyproject.toml": member(name)[f"{name}/pyproject.toml"],
            f"{name}/app/__init__.py": "",
            f"{name}/app/main.py": "from app import settings\nimport app.settings\nfrom app.settings import URL\n",
            f"{name}/app/settings.py": "URL = ''\n",
            f"{name}/tests/test_app.py": "import app.main\n",
        }
    assert check("PT", files) == ()
    assert {note.code for note in check("PT", files, notes=True)} == {"PT013"}


def test_dynamic_dependencies_are_not_judged(check: Check, member: Member) -> None:
    files = member("chat", files={"src/chat/talk.py": "import yaml\n"})
    files["chat/pyproject.toml"] = '[project]\nname = "chat"\nversion = "1"\ndynamic = ["dependencies"]\n'
    assert check("PT3", files) == ()


def test_scripts_beside_a_flat_package_are_not_shipped(check: Check, member: Member) -> None:
    files = {
        "chat/pyproject.toml": member("chat")["chat/pyproject.toml"],
        "chat/chat/__init__.py": "",
        "chat/noxfile.py": "import nox\n",
        "chat/bench/run.py": "import pyperf\nimport helper\n",
        "chat/bench/helper.py": "",
    }
    assert check("PT3", files) == ()
    files["chat/chat/__init__.py"] = "import nox\n"
    assert [found.file for found in check("PT3", files)] == ["chat/chat/__init__.py"]

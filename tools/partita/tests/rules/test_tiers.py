"""Tiers, independence and homeless members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[Finding, ...]]
    Member = Callable[..., dict[str, str]]

TIERS = """\
[[tier]]
name = "foundation"
members = ["lib"]

[[tier]]
name = "service"
members = ["chat", "mail"]
independent = true

[[tier]]
name = "tool"
members = ["stack"]
uses = ["foundation"]
"""


def test_a_declared_dependency_on_a_higher_tier_is_found(check: Check, member: Member) -> None:
    files = {
        "workspace.toml": TIERS,
        **member("lib", ["mail"], manifest='[project.optional-dependencies]\nmore = ["stack"]\n'),
        **member("mail"),
        **member("chat"),
        **member("stack"),
    }
    assert check("PT201", files) == (
        Finding(
            "PT201",
            "lib/pyproject.toml",
            5,
            "lib (tier foundation) depends on mail (tier service)",
            "move what is needed into a tier that foundation may use (foundation), or turn the dependency round: mail "
            "hands it to lib when it starts",
            "lib -> mail",
        ),
        Finding(
            "PT201",
            "lib/pyproject.toml",
            8,
            "lib (tier foundation) depends on stack (tier tool)",
            "move what is needed into a tier that foundation may use (foundation), or turn the dependency round: stack "
            "hands it to lib when it starts",
            "lib -> stack",
        ),
    )


def test_lower_tiers_the_own_tier_and_development_are_free(check: Check, member: Member) -> None:
    files = {
        "workspace.toml": TIERS.replace("independent = true", ""),
        **member("lib"),
        **member("chat", ["lib", "mail"], manifest='[dependency-groups]\ndev = ["stack"]\n'),
        **member("mail", ["lib"], {"src/mail/send.py": "import lib\n", "tests/test_mail.py": "import stack\n"}),
        **member("stack", ["lib"]),
    }
    assert check("PT2", files) == ()


def test_a_tier_that_only_stands_lower_may_be_forbidden(check: Check, member: Member) -> None:
    files = {
        "workspace.toml": TIERS,
        **member("lib"),
        **member("mail"),
        **member("chat"),
        **member("stack", ["mail"]),
    }
    (found,) = check("PT201", files)
    assert found.subject == "stack -> mail"
    files |= {"workspace.toml": TIERS.replace('uses = ["foundation"]', 'uses = ["foundation", "service"]')}
    assert check("PT201", files) == ()


def test_an_import_from_a_higher_tier_is_found_whatever_its_kind(check: Check, member: Member) -> None:
    source = """\
from typing import TYPE_CHECKING
import mail
if TYPE_CHECKING:
    from mail import Letter
def send():
    from mail import post
"""
    files = {"workspace.toml": TIERS, **member("lib", files={"src/lib/core.py": source}), **member("mail")}
    files |= {**member("chat"), **member("stack")}
    found = check("PT202", files)
    assert [(item.file, item.line) for item in found] == [("lib/src/lib/core.py", line) for line in (2, 4, 6)]
    assert found[0] == Finding(
        "PT202",
        "lib/src/lib/core.py",
        2,
        "lib (tier foundation) imports mail (tier service)",
        "move what is needed into a tier that foundation may use (foundation), or turn the dependency round: mail "
        "hands it to lib when it starts",
        "lib -> mail",
    )


def test_members_of_an_independent_tier_do_not_import_each_other(check: Check, member: Member) -> None:
    files = {
        "workspace.toml": TIERS,
        **member("lib"),
        **member("mail", ["chat"], {"src/mail/send.py": "import chat\n", "tests/test_mail.py": "import chat\n"}),
        **member("chat"),
        **member("stack"),
    }
    found = check("PT203", files)
    assert found == (
        Finding(
            "PT203",
            "mail/src/mail/send.py",
            1,
            "mail imports chat: members of tier service are independent of each other",
            "use what chat offers through an interface in a lower tier, or move what both need there",
            "mail -> chat",
        ),
        found[0]._replace(file="mail/tests/test_mail.py"),
    )


def test_members_of_an_independent_tier_may_declare_each_other(check: Check, member: Member) -> None:
    files = {"workspace.toml": TIERS, **member("lib"), **member("mail", ["chat"]), **member("chat"), **member("stack")}
    assert check("PT203", files) == ()


def test_what_both_need_may_move_to_a_lower_tier(check: Check, member: Member) -> None:
    files = {
        "workspace.toml": TIERS,
        **member("lib"),
        **member("mail", ["lib"], {"src/mail/send.py": "import lib\n"}),
        **member("chat", ["lib"], {"src/chat/talk.py": "import lib\n"}),
        **member("stack"),
    }
    assert check("PT203", files) == ()


def test_a_member_without_a_tier_is_found(check: Check, member: Member) -> None:
    files = {"workspace.toml": TIERS, **member("lib"), **member("mail"), **member("chat"), **member("stack")}
    files |= member("drive")
    assert check("PT204", files) == (
        Finding(
            "PT204",
            "drive/pyproject.toml",
            0,
            "drive stands in no tier",
            'add "drive" to the members of a [[tier]] in workspace.toml',
            "drive",
        ),
    )
    files["workspace.toml"] = TIERS.replace('"chat", "mail"', '"chat", "drive", "mail"')
    assert check("PT204", files) == ()


def test_what_makes_no_package_needs_no_tier(check: Check, member: Member) -> None:
    files = {"workspace.toml": TIERS, **member("lib"), **member("mail"), **member("chat"), **member("stack")}
    files |= member("everything", manifest="[tool.uv]\npackage = false\n")
    assert check("PT204", files) == ()


def test_without_tiers_nothing_is_said_about_them(check: Check, member: Member) -> None:
    files = {**member("lib", ["mail"], {"src/lib/core.py": "import mail\n"}), **member("mail")}
    assert check("PT2", files) == ()
    assert check("PT2", {"workspace.toml": "schema = 1\n", **files}) == ()

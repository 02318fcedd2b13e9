"""Nobody reaches into another member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[Finding, ...]]
    Member = Callable[..., dict[str, str]]

import pytest


@pytest.mark.parametrize(
    ("source", "private"),
    [
        ("from mail._wire import post, fetch\n", "mail._wire"),
        ("import mail._wire.deep\n", "mail._wire"),
        ("from mail import _wire\n", "mail._wire"),
        ("from mail.post import _send\n", "mail.post._send"),
        ("def talk():\n    from mail._wire import post\n", "mail._wire"),
    ],
)
def test_private_modules_and_names_of_others_are_found(check: Check, member: Member, source: str, private: str) -> None:
    files = {
        **member("chat", ["mail"], {"src/chat/talk.py": source}),
        **member("mail", files={"src/mail/_wire.py": "", "src/mail/post.py": ""}),
    }
    assert check("PT4", files) == (
        Finding(
            "PT401",
            "chat/src/chat/talk.py",
            source.count("\n"),
            f"chat imports {private}, which is private to mail",
            "import what you need from a public module of mail, or give it a public name there",
            f"chat -> {private}",
        ),
    )


@pytest.mark.parametrize(
    "source",
    [
        "from mail import post\n",
        "from mail import __version__\n",
        "from chat import _own\n",
        "from ._own import thing\n",
        "from yaml import _yaml\n",
    ],
)
def test_public_own_and_foreign_names_are_silent(check: Check, member: Member, source: str) -> None:
    files = {
        **member("chat", ["mail"], {"src/chat/talk.py": source, "src/chat/_own.py": ""}),
        **member("mail", files={"src/mail/post.py": ""}),
    }
    assert check("PT4", files) == ()


def test_tests_may_look_inside_until_a_workspace_is_configured(check: Check, member: Member) -> None:
    files = {
        **member("chat", ["mail"], {"tests/test_talk.py": "from mail import _wire\n"}),
        **member("mail", files={"src/mail/_wire.py": ""}),
    }
    assert check("PT4", files) == ()
    assert [found.file for found in check("PT4", {"workspace.toml": "", **files})] == ["chat/tests/test_talk.py"]

"""Circles between packages and between modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., tuple[Finding, ...]]
    Member = Callable[..., dict[str, str]]

REMEDY = "run partita check-cycles: it shows each import line and the smallest set of them to cut"


def test_packages_that_need_each_other_are_found(check: Check, member: Member) -> None:
    files = {**member("chat", ["lib", "mail"]), **member("mail", ["chat"]), **member("lib")}
    assert check("PT101", files) == (
        Finding(
            "PT101",
            "chat/pyproject.toml",
            6,
            "2 packages need each other: chat -> mail -> chat (chat/pyproject.toml:6, mail/pyproject.toml:5)",
            REMEDY,
            "chat -> mail -> chat",
        ),
    )


def test_a_large_circle_is_told_by_its_shortest_way_round(check: Check, member: Member) -> None:
    files = {**member("a", ["b"]), **member("b", ["c", "a"]), **member("c", ["a"])}
    (found,) = check("PT101", files)
    assert found.message == (
        "3 packages need each other, the shortest way round: a -> b -> a (a/pyproject.toml:5, b/pyproject.toml:6)"
    )
    assert found.subject == "a -> b -> a, of 3"


def test_circles_that_only_extras_and_groups_close_are_legal(check: Check, member: Member) -> None:
    manifest = '[project.optional-dependencies]\nall = ["chat"]\n[dependency-groups]\ndev = ["chat"]\n'
    assert check("PT101", {**member("chat", ["mail"]), **member("mail", manifest=manifest)}) == ()


def test_modules_that_import_each_other_when_loaded_are_found(check: Check, member: Member) -> None:
    files = member(
        "chat", files={"src/chat/one.py": "import os\nfrom chat import two\n", "src/chat/two.py": "import chat.one\n"}
    )
    assert check("PT102", files) == (
        Finding(
            "PT102",
            "chat/src/chat/one.py",
            2,
            "2 modules import each other: chat.one -> chat.two -> chat.one (chat/src/chat/one.py:2, "
            "chat/src/chat/two.py:1)",
            REMEDY,
            "chat.one -> chat.two -> chat.one",
        ),
    )


def test_a_lazy_import_opens_a_circle(check: Check, member: Member) -> None:
    files = member(
        "chat",
        files={"src/chat/one.py": "from chat import two\n", "src/chat/two.py": "def talk():\n    import chat.one\n"},
    )
    assert check("PT102", files) == ()

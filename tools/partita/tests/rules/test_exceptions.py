"""What exceptions cover, and what is wrong with exceptions."""

from __future__ import annotations

import pytest

from partita.configuration import Allowance
from partita.findings import Finding
from partita.rules.exceptions import Excepted, apply_exceptions

TODAY = "2026-11-21"
FINDING = Finding("PT401", "chat/src/chat/talk.py", 3, "chat imports mail._wire", "", "chat -> mail._wire")
EXCEPTION = Allowance("PT401", "chat -> mail._wire", "shared for now", "mail team", "mail 2.0 is out", 14)


def everything(code: str) -> bool:
    return code.startswith("PT")


@pytest.mark.parametrize("subject", ["chat -> mail._wire", "* -> mail._wire", "chat -> *", "*"])
def test_an_exception_covers_findings_of_its_code_and_subject(subject: str) -> None:
    exception = EXCEPTION._replace(subject=subject)
    assert apply_exceptions([FINDING, FINDING], [exception], TODAY, everything) == Excepted((), 2, ())


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        ("PT301", "chat -> mail._wire"),
        ("PT401", "chat -> mail"),
        ("PT401", "chat -> mail._wir."),
        ("PT401", "chat"),
    ],
)
def test_an_exception_that_covers_nothing_is_found(code: str, subject: str) -> None:
    exception = EXCEPTION._replace(code=code, subject=subject)
    unused = Finding(
        "PT901",
        "workspace.toml",
        14,
        f"the exception from {exception.code} for {exception.subject!r} excepts nothing",
        "remove it from workspace.toml, or correct its subject: it is told with the finding by --json",
        f"{exception.code} {exception.subject}",
    )
    assert apply_exceptions([FINDING], [exception], TODAY, everything) == Excepted((FINDING,), 0, (unused,))


def test_an_exception_that_has_expired_is_found_and_still_covers() -> None:
    exception = EXCEPTION._replace(until="2026-11-20")
    expired = Finding(
        "PT902",
        "workspace.toml",
        14,
        "the exception from PT401 for 'chat -> mail._wire' ended on 2026-11-20; it was made because: shared for now",
        "mend what it excepts and remove it, or agree on a later end with mail team",
        "PT401 chat -> mail._wire",
    )
    assert apply_exceptions([FINDING], [exception], TODAY, everything) == Excepted((), 1, (expired,))
    assert apply_exceptions([FINDING], [EXCEPTION._replace(until=TODAY)], TODAY, everything) == Excepted((), 1, ())


def test_exceptions_from_codes_that_are_not_checked_are_left_alone() -> None:
    assert apply_exceptions([], [EXCEPTION], TODAY, lambda code: code == "PT101") == Excepted((), 0, ())

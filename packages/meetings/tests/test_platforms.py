from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botserver_meetings.platforms import Platform, build_url, complaint_about_id, complaint_about_passcode

MEET, ZOOM, TEAMS = Platform.GOOGLE_MEET, Platform.ZOOM, Platform.TEAMS


@pytest.mark.parametrize(
    ("platform", "text", "strict", "url"),
    [
        (MEET, "abc-defg-hij", True, "https://meet.google.com/abc-defg-hij"),
        (MEET, "smoke-test-1", False, None),
        (ZOOM, "12345678901", True, "https://zoom.us/j/12345678901"),
        (ZOOM, "123456789?pwd=Ab.9", True, "https://zoom.us/j/123456789?pwd=Ab.9"),
        (TEAMS, "9398850880426", True, None),
        (TEAMS, "a/b", False, None),
    ],
)
def test_ids_that_are_taken(platform: Platform, text: str, *, strict: bool, url: str | None) -> None:
    assert complaint_about_id(platform, text, strict=strict) == ""
    assert build_url(platform, text) == url


@pytest.mark.parametrize(
    ("platform", "text"),
    [(MEET, "ABC-defg-hij"), (MEET, "abcdefghij"), (ZOOM, "12345678"), (ZOOM, "123456789012"), (TEAMS, "123456789")],
)
def test_strict_ids_have_the_form_of_the_platform(platform: Platform, text: str) -> None:
    assert complaint_about_id(platform, text, strict=False) == ""
    assert "has not the form" in complaint_about_id(platform, text, strict=True)


@pytest.mark.parametrize("text", ["", "  ", "x" * 256, "a\nb", "a\0b", "..", "a//b", "a/../b", "\u2028"])
def test_ids_that_no_path_can_hold_are_refused(text: str) -> None:
    assert complaint_about_id(MEET, text, strict=False)


@given(st.text(max_size=300), st.sampled_from(Platform))
def test_strict_takes_nothing_that_lenient_refuses(text: str, platform: Platform) -> None:
    if complaint_about_id(platform, text, strict=True) == "":
        assert complaint_about_id(platform, text, strict=False) == ""
    if complaint_about_id(platform, text, strict=False):
        assert build_url(platform, text) is None


def test_teams_has_passcodes() -> None:
    assert complaint_about_passcode(TEAMS, "RBZCWdxyp85TpcKna8") == ""
    assert complaint_about_passcode(TEAMS, "short") == "A passcode has 8 to 20 letters and digits."
    assert complaint_about_passcode(ZOOM, "RBZCWdxyp85TpcKna8") == "Only meetings on teams have a passcode."
    assert build_url(TEAMS, "9398850880426", "RBZC1234") == "https://teams.live.com/meet/9398850880426?p=RBZC1234"

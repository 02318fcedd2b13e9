"""Where meetings take place, how their ids look, and the address that an id stands for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Platform(StrEnum):
    """The platforms that the API knows; any other one is refused before anything else happens."""

    GOOGLE_MEET = "google_meet"
    ZOOM = "zoom"
    TEAMS = "teams"


@dataclass(frozen=True)
class MeetingName:
    """What a user calls a meeting by. Several of one user's meetings, one after another, may have the same name."""

    platform: Platform
    native_id: str


LONGEST_ID = 255  # characters

_STRICT = {
    Platform.GOOGLE_MEET: (re.compile(r"[a-z]{3}-[a-z]{4}-[a-z]{3}"), "abc-defg-hij, in lower case"),
    Platform.ZOOM: (re.compile(r"[0-9]{9,11}(\?pwd=[A-Za-z0-9._-]{1,64})?"), "9 to 11 digits"),
    Platform.TEAMS: (re.compile(r"[0-9]{10,15}"), "10 to 15 digits"),
}
_PASSCODE = re.compile(r"[A-Za-z0-9]{8,20}")


def complaint_about_id(platform: Platform, text: str, *, strict: bool) -> str:
    """What is wrong with the id of a meeting, or "".

    Lenient ids are any text that can stand in the path of a URL; strict ones have the form that the platform gives out.
    """
    if not text.strip():
        return "The meeting id is empty."
    if len(text) > LONGEST_ID:
        return f"The meeting id is longer than {LONGEST_ID} characters."
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        return "The meeting id holds a control character."
    if any(part in {"", ".", ".."} for part in text.split("/")):
        return "The meeting id has an empty part between slashes, or one made of dots."
    pattern, form = _STRICT[platform]
    if strict and not pattern.fullmatch(text):
        return f"The meeting id has not the form that {platform.value} gives out: {form}."
    return ""


def complaint_about_passcode(platform: Platform, passcode: str) -> str:
    """What is wrong with a passcode by the strict rules, or ""."""
    if platform is not Platform.TEAMS:
        return "Only meetings on teams have a passcode."
    return "" if _PASSCODE.fullmatch(passcode) else "A passcode has 8 to 20 letters and digits."


def build_url(platform: Platform, meeting_id: str, passcode: str | None = None) -> str | None:
    """The address that people would open, or None when the id does not tell one."""
    if not _STRICT[platform][0].fullmatch(meeting_id):
        return None
    if platform is Platform.GOOGLE_MEET:
        return f"https://meet.google.com/{meeting_id}"
    if platform is Platform.ZOOM:
        return f"https://zoom.us/j/{meeting_id}"
    # Without its passcode a meeting on teams cannot be entered by an address.
    return f"https://teams.live.com/meet/{meeting_id}?p={passcode}" if passcode else None

import pytest

from botserver_meetings.settings import MeetingsSettings
from botstate import SettingsError, Sources, read_settings

PARTS = {"meetings": MeetingsSettings}


def read(**environment: str) -> MeetingsSettings:
    return read_settings(PARTS, Sources(environment=environment)).part(MeetingsSettings)


def test_nothing_needs_to_be_set() -> None:
    assert read() == MeetingsSettings()


def test_what_is_set_counts() -> None:
    chosen = read(BOT_MEETINGS__PROFILE="v0.6", BOT_MEETINGS__LIMITS__ACTIVE="60", BOT_MEETINGS__STRICT_IDS="true")
    assert (chosen.profile, chosen.limits.active, chosen.strict_ids) == ("v0.6", 60.0, True)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PROFILE", "v9", "profile is one of seed, v0.6"),
        ("RUNNER", "pigeons", "runner is one of processes, containers"),
        ("RUNNER", "containers", "needs image, what to run, and base_url"),
        ("SWEEP_INTERVAL", "0", "more than zero"),
        ("POLL", "61", "poll is 0 to 60 seconds"),
        ("LIMITS__ACTIVE", "0", "more than zero"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read(**{f"BOT_MEETINGS__{name}": value})

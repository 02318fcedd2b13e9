import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from botlib import InvalidError, Secret
from botstate import SETTINGS, AppState, MissingSettingsError, Settings, SettingsError, Sources, read_settings
from botstate.testing import fake_state


@dataclass(frozen=True)
class Limits:
    daily: Annotated[int, Field(ge=1)] = 100
    pause: float = 0.5


@dataclass(frozen=True)
class MailSettings:
    host: str = "localhost"
    port: int = 25
    secure: bool = False
    mode: Literal["plain", "html"] = "plain"
    folder: Path | None = None
    password: Secret | None = None
    recipients: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.secure and self.port == 25:
            raise InvalidError("Port 25 is not secure.", remedy="Use 465.")


@dataclass(frozen=True)
class NotesSettings:
    token: Secret
    title: str


def read(*, kinds: dict[str, type] | None = None, **sources: Any) -> Settings:
    return read_settings(kinds or {"mail": MailSettings}, Sources(**sources))


def problems(*, kinds: dict[str, type] | None = None, **sources: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(kinds=kinds, **sources)
    return caught.value.problems


def test_without_sources_there_are_defaults() -> None:
    assert read().part(MailSettings) == MailSettings()


def test_later_sources_win_leaf_by_leaf() -> None:
    settings = read(
        file={"mail": {"host": "file", "port": 1, "limits": {"daily": 1, "pause": 1}}},
        environment={"BOT_MAIL__PORT": "2", "BOT_MAIL__LIMITS__DAILY": "2", "PATH": "/bin", "BOT_CONFIG": "x.toml"},
        options={"mail.limits.daily": "3"},
    )

    assert settings.part(MailSettings) == MailSettings(host="file", port=2, limits=Limits(daily=3, pause=1))


def test_values_become_the_types_of_their_fields() -> None:
    settings = read(
        environment={
            "BOT_MAIL__SECURE": "true",
            "BOT_MAIL__PORT": "465",
            "BOT_MAIL__MODE": "html",
            "BOT_MAIL__FOLDER": "/var/mail",
            "BOT_MAIL__RECIPIENTS": '["anna@example.org", "bert@example.org"]',
            "BOT_MAIL__HOST": "[::1]",
        }
    )

    assert settings.part(MailSettings) == MailSettings(
        secure=True,
        port=465,
        mode="html",
        folder=Path("/var/mail"),
        recipients=("anna@example.org", "bert@example.org"),
        host="[::1]",
    )


def test_a_service_with_a_dash_is_written_with_an_underscore_or_a_dash() -> None:
    kinds: dict[str, type] = {"meeting-notes": NotesSettings}
    for name in ("meeting-notes", "meeting_notes"):
        settings = read(
            kinds=kinds,
            file={name: {"title": "a"}},
            environment={"BOT_MEETING_NOTES__TOKEN": "t"},
            options={f"{name}.title": "b"},
        )
        assert settings.part(NotesSettings) == NotesSettings(Secret("t"), "b")


def test_a_secret_is_taken_as_it_is_and_never_shown() -> None:
    settings = read(environment={"BOT_MAIL__PASSWORD": '["hunter2"]'})
    password = settings.part(MailSettings).password

    assert password is not None
    assert password.reveal() == '["hunter2"]'
    assert "hunter2" not in repr(settings.rows())


def test_every_value_tells_its_origin() -> None:
    settings = read(
        kinds={"meeting-notes": NotesSettings},
        file={"meeting-notes": {"title": "a"}},
        file_name="bot.toml",
        environment={"BOT_MEETING_NOTES__TOKEN": "t"},
    )

    assert settings.rows() == (
        ("meeting_notes.token", Secret("t"), "BOT_MEETING_NOTES__TOKEN"),
        ("meeting_notes.title", "a", "meeting-notes.title in bot.toml"),
    )
    assert ("mail.limits.daily", 100, "default") in read().rows()


def test_an_unknown_key_is_refused_with_the_nearest_that_is_known() -> None:
    assert problems(
        file={"mial": {"port": 1}, "mail": {"limits": {"dayly": 1}}, "zebra": {}, "loose": 3},
        file_name="bot.toml",
        environment={"BOT_MAIL__PROT": "1", "BOT_MAIL__PORT__DEEPER__STILL": "1", "BOT_": "x"},
        options={"mail.q": "1"},
    ) == (
        "mial.port in bot.toml is not known. Did you mean mail?",
        "mail.limits.dayly in bot.toml is not known. Did you mean mail.limits.daily?",
        "zebra in bot.toml is not known. Known are mail.",
        "loose in bot.toml is not known. Known are mail.",
        "BOT_ is not known. Known are mail.",
        "BOT_MAIL__PORT__DEEPER__STILL is not known. mail.port is no table.",
        "BOT_MAIL__PROT is not known. Did you mean mail.port?",
        "The option mail.q is not known. Known are host, port, secure, mode, folder, password, recipients, limits.",
    )


def test_a_value_of_the_wrong_type_is_refused_and_not_repeated() -> None:
    found = problems(
        file={"mail": {"recipients": [{"name": "hunter2"}], "password": 7, "limits": 3}},
        file_name="bot.toml",
        environment={"BOT_MAIL__PORT": "hunter2", "BOT_MAIL__LIMITS__DAILY": "0"},
    )

    assert found == (
        "mail.limits in bot.toml is a table and needs keys: daily, pause.",
        "BOT_MAIL__PORT: Input should be a valid integer, unable to parse string as an integer.",
        "mail.password in bot.toml: A secret is text.",
        "mail.recipients in bot.toml: A table does not fit here.",
        "BOT_MAIL__LIMITS__DAILY: Input should be greater than or equal to 1.",
    )
    assert not re.search("hunter2", " ".join(found))


def test_json_from_the_environment_cannot_bring_a_table_in() -> None:
    assert problems(environment={"BOT_MAIL__RECIPIENTS": '{"a": 1}'}) == (
        "BOT_MAIL__RECIPIENTS: A table does not fit here.",
    )


def test_an_empty_table_is_fine() -> None:
    assert read(file={"mail": {"limits": {}}}).part(MailSettings) == MailSettings()


def test_a_value_without_a_default_must_be_set() -> None:
    assert problems(kinds={"meeting-notes": NotesSettings}) == (
        "meeting_notes.token has no value. Set it in the file, or BOT_MEETING_NOTES__TOKEN.",
        "meeting_notes.title has no value. Set it in the file, or BOT_MEETING_NOTES__TITLE.",
    )


def test_a_part_may_refuse_what_does_not_fit_together() -> None:
    assert problems(options={"mail.secure": "true"}) == ("mail: Port 25 is not secure. Use 465.",)


def test_settings_that_nobody_declared_are_a_mistake_of_the_service() -> None:
    with pytest.raises(MissingSettingsError, match="no settings of the kind NotesSettings"):
        read().part(NotesSettings)


def test_the_state_has_the_settings_as_a_property() -> None:
    state = AppState()
    settings = read()
    state.provide(SETTINGS, settings)

    assert state.settings is settings
    assert fake_state(MailSettings(port=1)).settings.part(MailSettings).port == 1

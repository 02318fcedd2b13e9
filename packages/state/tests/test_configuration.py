import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import Field

from botlib import Bytes, InvalidError, Seconds, Secret
from botstate import SETTINGS, AppState, MissingSettingsError, Settings, SettingsError, Sources, read_settings
from botstate.declaration import declared_settings
from botstate.testing import fake_state

if TYPE_CHECKING:
    from decimal import Decimal


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


def read(
    *,
    kinds: dict[str, type] | None = None,
    file: dict[str, Any] | None = None,
    file_name: str = "the file",
    **sources: Any,
) -> Settings:
    return read_settings(kinds or {"mail": MailSettings}, Sources(files={file_name: file or {}}, **sources))


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


class Level(Enum):
    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True)
class Account:
    secret: Secret
    scopes: tuple[str, ...] = ()
    retry: Limits = Limits(daily=5)


@dataclass(frozen=True)
class WideSettings:
    level: Level = Level.LOW
    pause: Seconds = 1.0
    longest: Seconds | None = None
    largest: Bytes = 1024
    tokens: tuple[Secret, ...] = ()
    numbers: frozenset[int] = frozenset()
    name: str | None = None
    limits: Limits = Limits(daily=7)
    extra: Limits | None = None
    accounts: Mapping[str, Account] = field(default_factory=dict)
    made: str = field(default="here", init=False)


def read_wide(**sources: Any) -> WideSettings:
    return read(kinds={"wide": WideSettings}, **sources).part(WideSettings)


def test_enumerations_spans_and_sizes_are_written_as_people_do() -> None:
    assert read_wide(
        file={"wide": {"level": "high", "pause": "1h 30m", "longest": 5, "largest": "10 MiB"}},
    ) == WideSettings(level=Level.HIGH, pause=5400, longest=5, largest=10 * 1024**2)
    assert read_wide(
        environment={"BOT_WIDE__PAUSE": "500ms", "BOT_WIDE__LONGEST": "2m", "BOT_WIDE__LARGEST": "512"}
    ) == WideSettings(pause=0.5, longest=120, largest=512)


def test_several_values_are_json_or_parted_by_commas() -> None:
    for text in ('["a", "b"]', "a,b", " a , b "):
        assert read(environment={"BOT_MAIL__RECIPIENTS": text}).part(MailSettings).recipients == ("a", "b")
    assert read(environment={"BOT_MAIL__RECIPIENTS": ""}).part(MailSettings).recipients == ()
    assert read_wide(environment={"BOT_WIDE__NUMBERS": "1,2"}).numbers == {1, 2}


def test_several_secrets_are_secrets() -> None:
    expected = (Secret("a"), Secret("b"))

    assert read_wide(file={"wide": {"tokens": ["a", "b"]}}).tokens == expected
    assert read_wide(environment={"BOT_WIDE__TOKENS": "a,b"}).tokens == expected


def test_what_is_empty_is_none_where_none_is_allowed() -> None:
    empty = {"BOT_MAIL__FOLDER": "", "BOT_MAIL__PASSWORD": "", "BOT_MAIL__HOST": ""}

    assert read(environment=empty).part(MailSettings) == MailSettings(host="")
    assert read_wide(file={"wide": {"longest": "", "name": ""}}) == WideSettings()


def test_a_table_with_a_default_of_its_own_keeps_the_rest_of_it() -> None:
    assert read_wide().limits == Limits(daily=7)
    assert read_wide(options={"wide.limits.pause": "2"}).limits == Limits(daily=7, pause=2)


def test_a_table_that_may_be_none_is_there_when_one_of_its_keys_is_set() -> None:
    assert read_wide().extra is None
    assert read_wide(environment={"BOT_WIDE__EXTRA__DAILY": "3"}).extra == Limits(daily=3)


def test_tables_that_the_operator_names_are_merged_by_name() -> None:
    file = {"wide": {"accounts": {"my-idp": {"secret": "a", "scopes": ["mail"]}, "other": {"secret": "b"}}}}
    environment = {"BOT_WIDE__ACCOUNTS__MY_IDP__SECRET": "c", "BOT_WIDE__ACCOUNTS__OTHER__RETRY__PAUSE": "9"}
    settings = read(kinds={"wide": WideSettings}, file=file, environment=environment)

    assert settings.part(WideSettings).accounts == {
        "my-idp": Account(Secret("c"), ("mail",)),
        "other": Account(Secret("b"), retry=Limits(daily=5, pause=9)),
    }
    assert ("wide.accounts.my-idp.secret", Secret("c"), "BOT_WIDE__ACCOUNTS__MY_IDP__SECRET") in settings.rows()


def test_what_is_wrong_in_a_table_that_the_operator_names_is_told() -> None:
    file = {"wide": {"accounts": {"idp": {"secrte": "hunter2"}, "empty": {}, "no_table": 3}}}

    assert problems(kinds={"wide": WideSettings}, file=file, options={"wide.accounts": "x"}) == (
        "wide.accounts.idp.secrte in the file is not known. Did you mean wide.accounts.idp.secret?",
        "wide.accounts.no_table in the file is a table and needs keys: secret, scopes, retry.",
        "The option wide.accounts is a table and needs keys: a name for each table.",
        "wide.accounts.idp.secret has no value. Set it in the file, or BOT_WIDE__ACCOUNTS__IDP__SECRET.",
        "wide.accounts.empty.secret has no value. Set it in the file, or BOT_WIDE__ACCOUNTS__EMPTY__SECRET.",
        "wide.accounts.no_table.secret has no value. Set it in the file, or BOT_WIDE__ACCOUNTS__NO_TABLE__SECRET.",
    )


def test_later_files_win() -> None:
    files: dict[str, dict[str, Any]] = {"a.toml": {"mail": {"port": 1, "host": "a"}}, "b.toml": {"mail": {"port": 2}}}
    settings = read_settings({"mail": MailSettings}, Sources(files=files))

    assert settings.rows()[:2] == (
        ("mail.host", "a", "mail.host in a.toml"),
        ("mail.port", 2, "mail.port in b.toml"),
    )


def test_variables_that_differ_only_in_case_are_refused() -> None:
    assert problems(environment={"BOT_MAIL__PORT": "1", "BOT_MAIL__port": "2"}) == (
        "BOT_MAIL__PORT and BOT_MAIL__port are the same setting. Unset one of them.",
    )


def test_what_is_of_another_type_is_refused() -> None:
    file = {"wide": {"level": "middle", "pause": True, "longest": "a while", "largest": "some", "tokens": [1]}}

    assert problems(kinds={"wide": WideSettings}, file=file) == (
        "wide.level in the file: Input should be 'low' or 'high'.",
        "wide.pause in the file: Input should be a number, not true or false.",
        "wide.longest in the file: This is no span of time. Write a number of seconds, or 500ms, 30s, 5m, 2h, 1d.",
        "wide.largest in the file: This is no size. Write a number of bytes, or 64 KiB, 10 MiB, 2 GB.",
        "wide.tokens in the file: A secret is text.",
    )


def test_a_field_that_is_not_set_from_outside_is_no_setting() -> None:
    (problem,) = problems(kinds={"wide": WideSettings}, options={"wide.made": "x"})

    assert problem.startswith("The option wide.made is not known. Known are level, pause,")
    assert "made" not in problem.split("Known are")[1]


@dataclass(frozen=True)
class LazySettings:
    price: "Decimal | None" = None


def test_a_type_that_is_there_for_type_checkers_only_is_a_mistake_of_the_service() -> None:
    assert problems(kinds={"lazy": LazySettings}) == (
        "LazySettings uses Decimal, which its module imports for type checkers only. Import it always.",
    )


def test_what_may_be_set_is_told_with_its_default() -> None:
    declared = {it.key: it.default for it in declared_settings({"wide-one": WideSettings})}

    assert declared["wide_one.pause"] == 1.0
    assert declared["wide_one.limits.daily"] == 7
    assert declared["wide_one.extra.daily"] == 100
    assert declared["wide_one.accounts.NAME.secret"] is MISSING
    assert declared["wide_one.accounts.NAME.retry.daily"] == 5
    assert "wide_one.made" not in declared


def test_settings_that_nobody_declared_are_a_mistake_of_the_service() -> None:
    with pytest.raises(MissingSettingsError, match="no settings of the kind NotesSettings"):
        read().part(NotesSettings)


def test_the_state_has_the_settings_as_a_property() -> None:
    state = AppState()
    settings = read()
    state.provide(SETTINGS, settings)

    assert state.settings is settings
    assert fake_state(MailSettings(port=1)).settings.part(MailSettings).port == 1

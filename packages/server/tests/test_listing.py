import re
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from botlib import Secret
from botlib.terminal import Terminal
from botserver.discovery import Broken, Discovery
from botserver.listing import describe, describe_settings, find_problems, render, render_settings
from botstate import BASIS, IDS, Capability, Service, Settings, given

MAIL = Capability[str]("mail", remedy="Install botserver[mail].")
BROKEN = Broken("bad", "botserver-bad", "bad:service cannot be imported.")
POST = Service(name="post", summary="Letters.", paths=("/mail", "/ws"), provides=(given(MAIL, ""),), requires=(IDS,))


def test_services_that_fit_have_no_problems() -> None:
    assert find_problems(Discovery((POST,), ())) == ()


def test_what_hinders_the_start_is_told() -> None:
    needy = Service(name="chat", requires=(MAIL,))

    assert find_problems(Discovery((needy,), (BROKEN,))) == (
        "bad (of botserver-bad) cannot be loaded: bad:service cannot be imported.",
        "chat needs mail, which no service here provides. Install botserver[mail].",
    )


def test_the_value_for_programs() -> None:
    told = describe(Discovery((POST,), ()), ("It rains.",))

    built_in = ["foundation", *(service.name for service in BASIS)]
    assert [(it["name"], it["built_in"]) for it in told["services"]] == [
        *((name, True) for name in built_in),
        ("post", False),
    ]
    assert {**told, "services": told["services"][-1:]} == {
        "schema": 1,
        "services": [
            {
                "name": "post",
                "summary": "Letters.",
                "built_in": False,
                "paths": ["/mail", "/ws"],
                "provides": ["mail"],
                "requires": ["ids"],
            }
        ],
        "problems": ["It rains."],
    }


def test_the_text_for_people() -> None:
    shown = render(Discovery((POST, Service(name="bare")), ()), ("It rains.",), Terminal()).splitlines()

    assert [re.split("  +", line) for line in shown[-4:]] == [
        ["post", "/mail, /ws", "mail", "ids"],
        ["bare"],
        [""],
        ["It rains."],
    ]


def test_who_has_no_service_learns_how_to_get_one() -> None:
    assert "pip install 'botserver[NAME]'" in render(Discovery((), ()), (), Terminal())


class Mode(Enum):
    FAST = "fast"


@dataclass(frozen=True)
class MailSettings:
    password: Secret
    folders: tuple[PurePosixPath, ...] = (PurePosixPath("/var/mail"),)
    host: str = "café"
    limit: int | None = None
    tokens: tuple[Secret, ...] = (Secret("hunter2"),)
    mode: Mode = Mode.FAST


SETTINGS = Settings({"mail": MailSettings(Secret("hunter2"))}, {"mail.host": "BOT_MAIL__HOST"})


def test_the_settings_for_programs_hide_secrets() -> None:
    assert describe_settings(SETTINGS) == {
        "schema": 1,
        "settings": [
            {"key": "mail.password", "value": "Secret(...)", "origin": "default"},
            {"key": "mail.folders", "value": ["/var/mail"], "origin": "default"},
            {"key": "mail.host", "value": "café", "origin": "BOT_MAIL__HOST"},
            {"key": "mail.limit", "value": None, "origin": "default"},
            {"key": "mail.tokens", "value": ["Secret(...)"], "origin": "default"},
            {"key": "mail.mode", "value": "fast", "origin": "default"},
        ],
    }


def test_the_settings_for_people_hide_secrets() -> None:
    assert render_settings(SETTINGS, Terminal()) == (
        "SETTING        VALUE            ORIGIN\n"
        "mail.password  Secret(...)      default\n"
        'mail.folders   ["/var/mail"]    default\n'
        'mail.host      "café"           BOT_MAIL__HOST\n'
        "mail.limit     null             default\n"
        'mail.tokens    ["Secret(...)"]  default\n'
        'mail.mode      "fast"           default\n'
    )

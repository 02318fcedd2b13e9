import io
import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from botlib import Secret
from botserver_core import configure_logging, create_app
from botserver_core.access import ACCESS, AccessRecord
from botserver_core.logs import redact_text
from botstate.testing import fake_state


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    written = io.StringIO()
    configure_logging(stream=written)
    return written


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_when_nobody_looks(stream: io.StringIO) -> None:
    logging.getLogger("botserver.mail").warning("sent %d\nletters", 3, extra={"box": "out", "sizes": (1, 2)})
    structlog.get_logger("botserver.chat").info("joined", room="a", people=2)

    found = lines(stream)
    assert [{name: it for name, it in line.items() if name != "time"} for line in found] == [
        {"level": "warning", "logger": "botserver.mail", "event": "sent 3\nletters", "box": "out", "sizes": [1, 2]},
        {"level": "info", "logger": "botserver.chat", "event": "joined", "room": "a", "people": 2},
    ]
    assert found[0]["time"].endswith("Z")


def test_a_person_gets_columns() -> None:
    written = io.StringIO()
    configure_logging("WARNING", stream=written, as_json=False)
    logging.getLogger("a").info("not this")
    logging.getLogger("a").error("this", extra={"box": "out"})

    assert "[error    ] this" in written.getvalue()
    assert "box=out" in written.getvalue()
    assert "not this" not in written.getvalue()


def test_a_folder_has_the_requests_apart_and_everything_together(tmp_path: Path) -> None:
    written, folder = io.StringIO(), tmp_path / "logs"
    configure_logging("WARNING", stream=written, folder=str(folder))
    logging.getLogger("a").debug("whispered")
    logging.getLogger("a").error("shouted")
    logging.getLogger(ACCESS).handle(AccessRecord("GET", "/a", 200, 1.0, "id"))
    logging.getLogger("httpcore.http11").debug("what passes through it")
    files = [it for it in logging.getLogger().handlers if isinstance(it, logging.FileHandler)]
    for handler in files:
        handler.close()

    events = {it.name: [json.loads(line)["event"] for line in it.read_text().splitlines()] for it in folder.iterdir()}
    assert events == {"api.log": ["request"], "debug.log": ["whispered", "shouted", "request"]}
    assert [it["event"] for it in lines(written)] == ["shouted"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_to_changes_nothing(stream: io.StringIO, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        configure_logging("ERROR", folder=str(tmp_path / "file" / "logs"))
    logging.getLogger("a").info("as before")

    assert [it["event"] for it in lines(stream)] == ["as before"]


def test_an_error_brings_its_traceback_in_one_line(stream: io.StringIO) -> None:
    try:
        int("token=abc123")
    except ValueError:
        logging.getLogger("a").exception("failed")

    (line,) = lines(stream)
    assert "Traceback" in line["exception"]
    assert "ValueError" in line["exception"]
    assert "abc123" not in stream.getvalue()


CANARY = "hunter2canary"


@pytest.mark.parametrize(
    "fields",
    [
        {"password": CANARY},
        {"api_key": CANARY},
        {"user_token": [CANARY]},
        {"headers": {"Authorization": f"Bearer {CANARY}", "Cookie": f"session={CANARY}"}},
        {"deep": {"list": [{"client_secret": CANARY}]}},
        {"url": f"postgresql://me:{CANARY}@host/db"},
        {"text": f"GET /a?token={CANARY}&b=1"},
        {"text": f'{{"password": "{CANARY}"}}'},
        {"thing": Secret(CANARY)},
        {"error": ValueError(f"bad Bearer {CANARY}")},
        {"text": f"Authorization: Basic {CANARY}"},
    ],
    ids=str,
)
def test_secrets_do_not_get_into_a_log(fields: dict[str, Any], stream: io.StringIO) -> None:
    logging.getLogger("a").warning("look", extra=fields)

    assert lines(stream)[0]["event"] == "look"
    assert CANARY not in stream.getvalue()


def test_without_the_guard_a_secret_gets_through(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    """The control of the test above."""
    monkeypatch.setattr("botserver_core.logs.redact", lambda _logger, _method, fields: fields)
    logging.getLogger("a").warning("look", extra={"password": CANARY})

    assert CANARY in stream.getvalue()


def test_what_is_no_secret_stays() -> None:
    for text in ("5 tokens are left", "see http://host:80/path", "the password is wrong", "basically fine"):
        assert redact_text(text) == text


@pytest.mark.anyio
async def test_a_request_is_one_line_with_who_and_how(stream: io.StringIO) -> None:
    transport = httpx2.ASGITransport(create_app(fake_state(), []))
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        await client.get('/a"b?token=secret', headers={"X-Request-ID": "r1"})

    (line,) = (it for it in lines(stream) if it["logger"] == "botserver.access")
    del line["time"]
    assert line == {
        "level": "info",
        "logger": "botserver.access",
        "event": "request",
        "method": "GET",
        "path": '/a"b',
        "status": 404,
        "milliseconds": 0.0,
        "request_id": "r1",
        "address": "127.0.0.1",
    }

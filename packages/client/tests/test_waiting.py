"""`wait-for-services` against the real service, and against none."""

import json

import pytest

from botserver_client.waiting import main

NOWHERE = "http://127.0.0.1:9"


def test_a_server_that_is_ready_is_told(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--deadline", "30", server]) == 0
    assert capsys.readouterr().out.startswith(f"✓ {server} is ready, after ")


def test_whichever_is_not_ready_in_time_is_told_with_what_was_wrong(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--deadline", "3", "--json", server, NOWHERE]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["ready"], [it["url"] for it in told["services"]]) == (False, [server, NOWHERE])
    ready, missing = (it["trouble"] for it in told["services"])
    assert ready == ""
    assert missing.startswith(f"{NOWHERE} was not ready within 3 seconds: {NOWHERE} cannot be reached: ")


def test_without_addresses_those_of_the_settings_are_waited_for(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TASKER_ORCHESTRATION_URL", NOWHERE)
    monkeypatch.setenv("TASKER_WORKER_URL", server)
    assert main(["--deadline", "3"]) == 3
    told = capsys.readouterr()
    assert told.out.startswith(f"✓ {server} is ready")
    assert told.err.startswith(f"✗ {NOWHERE} was not ready within 3 seconds")


@pytest.mark.parametrize(
    ("words", "told"),
    [(["nonsense"], "'nonsense' is no address of a server"), (["--deadline", "0"], "'0' is no number")],
)
def test_wrong_usage_is_told_in_a_sentence(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 2
    assert told in capsys.readouterr().err

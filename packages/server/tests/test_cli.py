import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from botserver.cli import COMMANDS, create_parser, main


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "botserver", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


#: The command on a machine where no service is installed.
ALONE = """
import sys
from botserver import cli, discovery
discovery.discover = lambda: discovery.Discovery((), ())
sys.exit(cli.main())
"""


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server of its own in that folder: the process, and the first line that it said."""
    command = [sys.executable, "-c", ALONE, "serve", "--port", "0", *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": folder}
    with subprocess.Popen(command, **pipes) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_starts_says_where_and_stops_clean(number: signal.Signals, tmp_path: Path) -> None:
    with serving(tmp_path) as (process, said):
        assert process.stdout is not None
        place = process.stdout.readline()
        url = said.split()[4]
        with urllib.request.urlopen(f"{url}/", timeout=30) as answer:
            listed = json.load(answer)
        process.send_signal(number)
        _, log = process.communicate(timeout=30)

    assert re.fullmatch(r"botserver is ready on http://127\.0\.0\.1:\d+ with foundation, cache, web\.\n", said)
    assert place == f"Its data is in {tmp_path / 'data'}. Ctrl-C stops it.\n"
    assert listed["services"][0]["name"] == "foundation"
    assert (process.returncode, "Traceback" in log) == (0, False)


def test_the_server_tells_programs_where_it_is_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path, "--json") as (_, said):
        told = json.loads(said)

    assert told["url"].startswith("http://127.0.0.1:")
    assert {**told, "url": ""} == {
        "schema": 1,
        "url": "",
        "data": [str(tmp_path / "data")],
        "services": [{"name": name, "started": True, "trouble": ""} for name in ("foundation", "cache", "web")],
    }


def test_a_taken_port_is_told_with_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run("serve", "--port", str(other.getsockname()[1]))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Cannot listen on 127.0.0.1 port ")


def test_a_folder_of_logs_that_cannot_be_written_to_is_told_with_exit_code_1() -> None:
    done = run("serve", "--port", "0", "--set", "logs.folder=/dev/null/logs")

    said = "The log cannot be written: /dev/null/logs: Not a directory. Set logs.folder to another one.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_an_unknown_service_is_told_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "no-such-service"]) == 1
    assert capsys.readouterr().err.startswith("No service is named no-such-service.")


def test_services_are_listed_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["services"])
    text = capsys.readouterr().out
    assert main(["services", "--json"]) == code
    value = json.loads(capsys.readouterr().out)

    assert value["schema"] == 1
    assert all(service["name"] in text for service in value["services"])
    assert code == (1 if value["problems"] else 0)


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["config"], ["serve", "--set", "port"], ["config", "show", "--set", "=1"]]
)
def test_wrong_usage_has_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    said = capsys.readouterr().err
    assert (caught.value.code, said.count("\n")) == (2, 1)
    assert re.fullmatch(r"botserver.*: .+\. `botserver.* --help` tells more\.\n", said)


def test_the_version_is_that_of_the_distribution() -> None:
    done = run("--version")

    assert (done.returncode, done.stdout) == (0, f"botserver {metadata.version('botserver')}\n")


def test_the_settings_are_shown_with_their_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_SERVER__PORT", "81")
    Path("botserver.toml").write_text('[server]\nhost = "0.0.0.0"\nport = 80\n')

    assert main(["config", "show", "--redact", "--set", "server.grace=1"]) == 0
    shown = [re.split("  +", line) for line in capsys.readouterr().out.splitlines()]
    assert shown[:5] == [
        ["SETTING", "VALUE", "ORIGIN"],
        ["server.host", '"0.0.0.0"', "server.host in botserver.toml"],
        ["server.port", "81", "BOT_SERVER__PORT"],
        ["server.grace", "1.0", "The option server.grace"],
        ["server.instance", '""', "default"],
    ]
    assert main(["config", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"][1] == {
        "key": "server.port",
        "value": 81,
        "origin": "BOT_SERVER__PORT",
    }


def test_settings_that_cannot_be_used_are_told_at_once_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOT_SERVER__PROT", "81")
    problems = [
        "BOT_SERVER__PROT is not known. Did you mean server.port?",
        "The option server.grace: This is no span of time. Write a number of seconds, or 500ms, 30s, 5m, 2h, 1d.",
    ]

    assert main(["config", "check", "--set", "server.grace=soon"]) == 1
    assert capsys.readouterr().out.splitlines() == problems
    assert main(["config", "check", "--json", "--set", "server.grace=soon"]) == 1
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "problems": problems}
    assert main(["serve", "--set", "server.grace=soon"]) == 1
    assert capsys.readouterr().err.splitlines() == problems


def test_several_files_are_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text("[server]\nport = 1\ngrace = '1m'\n")
    second.write_text("[server]\nport = 2\n")
    monkeypatch.setenv("BOT_CONFIG", f"{first}{os.pathsep}{second}")

    def port_and_grace(*words: str) -> list[object]:
        assert main(["config", "show", "--json", *words]) == 0
        rows = json.loads(capsys.readouterr().out)["settings"]
        return [row["value"] for row in rows if row["key"] in {"server.port", "server.grace"}]

    assert port_and_grace() == [2, 60.0]
    assert port_and_grace("--config", str(second), "--config", str(first)) == [1, 60.0]


def test_settings_that_can_be_used_are_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out == "The settings can be used.\n"


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--port=65536", "server: 65536 is no port: give a number from 0 to 65535."),
        ("--set=server.grace=-1", "server: grace is a number of seconds, not less than 0."),
    ],
)
def test_the_server_refuses_values_that_make_no_sense(
    option: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", option]) == 1
    assert capsys.readouterr().err == f"{problem}\n"


def test_a_file_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[server\n")
    monkeypatch.setenv("BOT_CONFIG", str(broken))

    assert main(["config", "check"]) == 1
    assert capsys.readouterr().out.startswith(f"{broken} is not TOML: ")
    assert main(["config", "check", "--config", "missing.toml"]) == 1
    assert capsys.readouterr().out == (
        "missing.toml cannot be read: No such file or directory. Name another one by --config.\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (OSError(28, "No space left on device"), 1, "No space left on device.\n"),
        (FileNotFoundError(2, "No such file or directory", "x.toml"), 1, "x.toml: No such file or directory.\n"),
        (KeyError("hunter2"), 1, "A mistake in the program: KeyError in "),
    ],
)
def test_no_error_shows_a_traceback(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: object) -> int:
        raise error

    monkeypatch.setattr("botserver.commands.services.run", fail)

    assert main(["services"]) == code
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == (1 if said else 0)
    assert "hunter2" not in told


def test_who_develops_sees_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_options: object) -> int:
        raise KeyError("a")

    monkeypatch.setattr("botserver.commands.services.run", fail)
    monkeypatch.setattr("sys.flags", SimpleNamespace(dev_mode=True))

    with pytest.raises(KeyError):
        main(["services"])


def test_a_reader_that_goes_away_ends_the_command_as_a_shell_expects() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        command = [sys.executable, "-m", "botserver", "services"]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        create_parser().parse_args([name, "--help"])
    assert (caught.value.code, f"usage: botserver {name}" in capsys.readouterr().out) == (0, True)

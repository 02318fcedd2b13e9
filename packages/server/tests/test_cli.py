import json
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib import metadata

import pytest

from botserver.cli import main


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "botserver", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_server_starts_says_where_and_stops_clean() -> None:
    command = [sys.executable, "-m", "botserver", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            url = next(word for word in said if word.startswith("http://127.0.0.1:"))
            with urllib.request.urlopen(f"{url}/", timeout=30) as answer:
                listed = json.load(answer)
        finally:
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=30)

    assert said[:4] == ["botserver", "is", "ready", "on"]
    assert listed["services"][0]["name"] == "foundation"
    assert (process.returncode, "Traceback" in log) == (0, False)


def test_a_taken_port_is_told_with_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run("serve", "--port", str(other.getsockname()[1]))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Cannot listen on 127.0.0.1 port ")


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


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve", "--port", "http"], ["serve", "--port", "65536"]])
def test_wrong_usage_has_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert (caught.value.code, "usage: botserver" in capsys.readouterr().err) == (2, True)


def test_the_version_is_that_of_the_distribution() -> None:
    done = run("--version")

    assert (done.returncode, done.stdout) == (0, f"botserver {metadata.version('botserver')}\n")

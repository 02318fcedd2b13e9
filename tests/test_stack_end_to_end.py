"""The bot server of this repository in a stack: on a real PostgreSQL, Valkey and S3, started by one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from botserver_stack import BlockingStack, StackError
from botserver_stack.recipes import botserver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def whole() -> Iterator[BlockingStack]:
    with BlockingStack(services=("postgres", "redis", "s3", "botserver")) as stack:
        yield stack


def read(url: str) -> Any:
    with urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def settings(stack: BlockingStack) -> dict[str, str]:
    """What the server of the stack was told."""
    pid = next(
        it["process"][0]
        for it in json.loads(Path(stack.folder, "botserver", "state.json").read_text())["servers"]
        if it["name"] == "botserver"
    )
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(it.split("=", 1) for it in variables if it.startswith("BOT_"))


def test_the_server_is_ready_and_is_the_one_of_this_stack(whole: BlockingStack) -> None:
    url = whole.environment["API_URL"]
    assert json.loads(read(f"{url}/health/ready"))["status"] == "ready"
    assert read(f"{url}/instance") == settings(whole)["BOT_SERVER__INSTANCE"]


def test_its_url_is_told(whole: BlockingStack) -> None:
    assert dict(whole.stack.addresses)["botserver"] == whole.environment["API_URL"]


def test_it_has_the_logs_of_the_plan(whole: BlockingStack) -> None:
    """The requests apart, and everything together; what the server says of itself is where `env.stack` points to."""
    read(f"{whole.environment['API_URL']}/health/live?once")
    folder = Path(whole.folder, "botserver", "logs")
    texts = {it.name: it.read_text() for it in folder.iterdir()}
    assert sorted(texts) == ["api.log", "botserver.log", "debug.log", "keeper.log"]
    assert {name for name, text in texts.items() if '"path": "/health/live"' in text} == {"api.log", "debug.log"}
    assert {name for name, text in texts.items() if '"logger": "asyncio"' in text} == {"debug.log"}
    assert whole.environment["LOG_FILE"] == str(folder / "botserver.log")


def test_the_level_of_the_plan_is_that_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARN")
    with BlockingStack(services=("botserver",)) as stack:
        told = settings(stack)["BOT_LOGS__LEVEL"], stack.environment["LOG_LEVEL"]
        log = Path(stack.environment["LOG_FILE"]).read_text()
    assert (told, '"info"' in log) == (("warning", "WARN"), False)
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(StackError, match="LOG_LEVEL is 'loud', which is no level"):
        BlockingStack(services=("botserver",)).start()


def test_its_settings_reach_every_server_of_the_stack(whole: BlockingStack) -> None:
    command = [sys.executable, "-m", "botserver", "doctor", "--json", "--set", "server.port=0"]
    done = subprocess.run(command, env=os.environ | settings(whole), capture_output=True, text=True, check=False)
    checks = {it["name"]: it for it in json.loads(done.stdout)["checks"]}
    states = {name: checks[name]["state"] for name in ("database", "cache", "objects")}
    assert states == {"database": "pass", "cache": "pass", "objects": "pass"}, done.stdout


def test_the_command_of_the_plan_serves_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="stack-") as root:
        os.chmod(root, 0o755)
        words = ["--temp-stack", "--stack-root", root, "--temp-stack-timeout", "0.1"]
        done = subprocess.run(
            [sys.executable, "-m", "botserver", *words], capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stderr, os.listdir(root)) == (0, "", [])
        assert "botserver " in done.stdout


def test_a_stack_that_cannot_be_had_is_one_sentence() -> None:
    command = [sys.executable, "-m", "botserver", "--temp-stack", "--stack-root", "/nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_server_that_cannot_work_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The services that only lack the database are left out of the sentence."""
    told = botserver._settings
    broken = {"BOT_DATABASE__URL": "mysql://nobody"}
    monkeypatch.setattr(botserver, "_settings", lambda site: told(site) | broken)
    with pytest.raises(StackError) as caught:
        BlockingStack(services=("postgres", "botserver"), ready_seconds=5.0).start()
    assert str(caught.value) == (
        "botserver was not ready within 5 seconds. database: database did not open: The setting database.url is not "
        "understood. Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
    )
